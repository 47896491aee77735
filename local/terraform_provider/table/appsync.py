"""AppSync: GraphQL APIs, their data sources, resolvers and keys."""

import datetime

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words


def _put_schema(client: Client, state: State, _prior: State) -> None:
    client.start_schema_creation(apiId=state["id"], definition=state["schema"].encode())
    told = client.get_schema_creation_status(apiId=state["id"])
    if told["status"] not in ("SUCCESS", "ACTIVE"):  # the emulator has finished when it answers
        raise ValueError(f"the schema was not accepted: {told['status']}: {told.get('details')}")


def _read_key(client: Client, state: State) -> State | None:
    keys = client.list_api_keys(apiId=state["api_id"])["apiKeys"]
    found = next((key for key in keys if key["id"] == state["api_key_id"]), None)
    if found is None:
        return None
    moment = datetime.datetime.fromtimestamp(found["expires"], datetime.UTC)
    had = state.get("expires")
    # The service keeps whole hours, so the same hour is the same moment.
    expires = had if had and _hour(had) == found["expires"] // 3600 else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**found, "expires": expires}


def _send_key(params: State, state: State, _prior: State | None) -> State:
    if state.get("expires"):
        params["expires"] = _hour(state["expires"]) * 3600
    return params


def _hour(moment: str) -> int:
    return int(datetime.datetime.fromisoformat(moment).timestamp()) // 3600


API = {"apiId": "{id}"}
DATA_SOURCE = {"apiId": "{api_id}", "name": "{name}"}
RESOLVER = {"apiId": "{api_id}", "typeName": "{type}", "fieldName": "{field}"}
KEY = {"apiId": "{api_id}", "id": "{api_key_id}"}

ENTRIES = {
    "aws_appsync_graphql_api": Entry(
        service="appsync",
        create=Call("create_graphql_api", "graphqlApi"),
        read=Call("get_graphql_api", "graphqlApi", API),
        update=Call("update_graphql_api", given=API),
        delete=Call("delete_graphql_api", given=API),
        id="{id}",
        read_as={"id": "apiId"},
        refused=words(
            "additional_authentication_provider.lambda_authorizer_config"
            " additional_authentication_provider.user_pool_config api_type enhanced_metrics_config"
            " lambda_authorizer_config merged_api_execution_role_arn openid_connect_config visibility"
        ),
        defaults={
            "introspection_config": "ENABLED",
            "query_depth_limit": 0,
            "resolver_count_limit": 0,
            "xray_enabled": False,
            "log_config.exclude_verbose_content": False,
            "user_pool_config.aws_region": "{region}",
        },
        kept=words("schema"),
        # The emulator takes these when the API is created and ignores them in an update.
        unread=words("log_config"),
        facets=(Facet(words("schema"), _put_schema),),
        tags=Tagging(),
    ),
    "aws_appsync_datasource": Entry(
        service="appsync",
        create=Call("create_data_source", "dataSource"),
        read=Call("get_data_source", "dataSource", DATA_SOURCE),
        update=Call("update_data_source"),
        delete=Call("delete_data_source", given=DATA_SOURCE),
        id="{api_id}-{name}",
        rename={
            "arn": "dataSourceArn",
            "dynamodb_config.region": "awsRegion",
            "lambda_config.function_arn": "lambdaFunctionArn",
        },
        refused=words(
            "dynamodb_config.delta_sync_config dynamodb_config.versioned elasticsearch_config event_bridge_config"
            " http_config opensearchservice_config relational_database_config"
        ),
        defaults={"dynamodb_config.region": "{region}", "dynamodb_config.use_caller_credentials": False},
        forces=words("api_id name"),
    ),
    "aws_appsync_resolver": Entry(
        service="appsync",
        create=Call("create_resolver", "resolver"),
        read=Call("get_resolver", "resolver", RESOLVER),
        update=Call("update_resolver"),
        delete=Call("delete_resolver", given=RESOLVER),
        id="{api_id}-{type}-{field}",
        rename={
            "arn": "resolverArn",
            "data_source": "dataSourceName",
            "field": "fieldName",
            "type": "typeName",
        },
        refused=words("caching_config max_batch_size pipeline_config request_template response_template sync_config"),
        only={"kind": "UNIT"},
        forces=words("api_id field type"),
    ),
    "aws_appsync_api_key": Entry(
        service="appsync",
        create=Call("create_api_key", "apiKey"),
        read=_read_key,
        update=Call("update_api_key", given=KEY),
        delete=Call("delete_api_key", given=KEY),
        id="{api_id}:{api_key_id}",
        read_as={"api_key_id": "id", "key": "id"},
        computed=words("expires"),
        defaults={"description": "Managed by Terraform"},
        forces=words("api_id"),
        sensitive=words("key"),
        by_hook=words("expires"),
        send=_send_key,
    ),
}
