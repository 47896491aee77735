"""AppSync's authorisation on HTTP: credentials, directives on every field, identity."""

import json
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from requests_aws4auth import AWS4Auth

from tests.local.appsync_api import REGION, Aws, GraphqlApi, claims_of

WHO_AM_I = "{ whoAmI { sub username issuer groups authType claims } }"


def refused(response: Any) -> tuple[int, str, str]:
    (error,) = response.json()["errors"]
    assert response.headers["x-amzn-errortype"] == error["errorType"]
    return response.status_code, error["errorType"], error["message"]


@pytest.mark.parametrize("kind", ["id_token", "access_token"])
def test_a_cognito_callers_identity_reaches_the_resolver(api: GraphqlApi, kind: str) -> None:
    token = getattr(api.ada, kind)
    identity = api.post(WHO_AM_I, authorization=token).json()["data"]["whoAmI"]
    claims = claims_of(token)
    assert json.loads(identity.pop("claims")) == claims
    assert identity == {
        "sub": api.ada.sub,
        "username": "ada",
        "issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{api.user_pool_id}",
        "groups": ["admins"],
        "authType": "User Pool Authorization",
    }


def test_an_api_key_caller_has_no_identity(api: GraphqlApi) -> None:
    answer = api.post("{ callerOfOtherModes }", x_api_key=api.api_key).json()
    assert answer == {"data": {"callerOfOtherModes": "API Key Authorization null"}}


def test_an_iam_callers_identity_is_its_arn(api: GraphqlApi) -> None:
    said = api.post("{ callerOfOtherModes }", auth=api.aws.sign("appsync")).json()["data"]["callerOfOtherModes"]
    auth_type, identity = said.split(" {")
    assert auth_type == "IAM Authorization"
    assert json.loads("{" + identity)["userArn"] == "arn:aws:iam::000000000000:root"


def test_without_credentials(api: GraphqlApi) -> None:
    assert refused(api.post(WHO_AM_I)) == (401, "UnauthorizedException", "Valid authorization header not provided.")


def test_a_forged_token(api: GraphqlApi) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_id = jwt.get_unverified_header(api.ada.id_token)["kid"]
    forged = jwt.encode(claims_of(api.ada.id_token), key, algorithm="RS256", headers={"kid": key_id})
    for token in (forged, "garbage", api.ada.id_token[:-4] + "AAAA", f"Bearer {api.ada.id_token}"):
        response = api.post(WHO_AM_I, authorization=token)
        assert refused(response) == (401, "UnauthorizedException", "Valid authorization header not provided.")


def test_a_token_of_another_pool(aws: Aws, api: GraphqlApi, other_api: GraphqlApi) -> None:
    response = api.post(WHO_AM_I, authorization=other_api.ada.id_token)
    assert refused(response) == (401, "UnauthorizedException", "Valid authorization header not provided.")


def test_an_unknown_api_key(api: GraphqlApi) -> None:
    response = api.post("{ callerOfOtherModes }", x_api_key="da2-unknown")
    assert refused(response) == (401, "UnauthorizedException", "You are not authorized to make this call.")


def test_an_unknown_api(api: GraphqlApi) -> None:
    unknown = GraphqlApi(**{**vars(api), "url": api.url.replace(api.api_id, "nosuchapi")})
    response = unknown.post(WHO_AM_I, authorization=api.ada.id_token)
    assert refused(response) == (404, "ResourceNotFoundException", "Unable to find the Api.")


def test_a_wrong_signature_and_a_missing_permission_are_refused(aws: Aws, api: GraphqlApi) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="publisher")
    key = iam.create_access_key(UserName="publisher")["AccessKey"]
    signature = AWS4Auth(key["AccessKeyId"], key["SecretAccessKey"], REGION, "appsync")
    wrong = AWS4Auth(key["AccessKeyId"], "wrong", REGION, "appsync")
    mutation = 'mutation { publish(input: {userId: "x"}) { userId } }'

    assert refused(api.post(mutation, auth=signature)) == (401, "UnauthorizedException", "Permission denied")
    arn = f"arn:aws:appsync:{REGION}:000000000000:apis/{api.api_id}/types/Mutation/fields/publish"
    statement = {"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": arn}
    iam.put_user_policy(
        UserName="publisher",
        PolicyName="publish",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    assert api.post(mutation, auth=signature).json() == {"data": {"publish": {"userId": "x"}}}
    assert refused(api.post(mutation, auth=wrong))[:2] == (400, "BadRequestException")


def test_a_topmost_field_of_another_mode(api: GraphqlApi) -> None:
    response = api.post('mutation { publish(input: {userId: "x"}) { userId } }', authorization=api.ada.id_token)
    assert response.status_code == 200
    assert response.json() == {
        "data": {"publish": None},
        "errors": [
            {
                "path": ["publish"],
                "locations": [{"line": 1, "column": 12, "sourceName": None}],
                "message": "Not Authorized to access publish on type Mutation",
                "data": None,
                "errorType": "Unauthorized",
                "errorInfo": None,
            }
        ],
    }


def test_a_return_type_without_the_callers_directive_yields_nulls(api: GraphqlApi) -> None:
    answer = api.publish(mutation="publishUndirected", fields="userId status", userId="x", status="y")
    assert answer["data"] == {"publishUndirected": {"userId": None, "status": None}}
    assert [(error["path"], error["message"]) for error in answer["errors"]] == [
        (["publishUndirected", "userId"], "Not Authorized to access userId on type Undirected"),
        (["publishUndirected", "status"], "Not Authorized to access status on type Undirected"),
    ]


def test_a_directive_with_groups(api: GraphqlApi) -> None:
    query = "{ administration }"
    assert api.post(query, authorization=api.ada.id_token).json() == {"data": {"administration": "granted"}}
    assert api.post(query, authorization=api.ben.id_token).json()["data"] == {"administration": None}


def test_an_awsjson_argument_is_parsed_and_an_awsjson_result_is_encoded(api: GraphqlApi) -> None:
    query, token = "query($value: AWSJSON) { echo(value: $value) }", api.ada.id_token
    answer = api.post(query, variables={"value": '{"a": [1]}'}, authorization=token).json()
    assert json.loads(answer["data"]["echo"]) == {"type": "object", "value": {"a": [1]}}
    answer = api.post("{ jsonText }", authorization=token).json()
    assert answer["data"]["jsonText"] == '"{\\"a\\":1}"'
    answer = api.post(query, variables={"value": "{"}, authorization=token).json()
    (error,) = answer["errors"]
    assert error["message"].startswith("Variable 'value' has an invalid value.")


def test_an_invalid_document_is_answered_as_appsync_does(api: GraphqlApi) -> None:
    response = api.post("{ whoAmI { nosuch } }", authorization=api.ada.id_token)
    assert response.status_code == 200
    assert response.json() == {
        "data": None,
        "errors": [
            {
                "path": None,
                "locations": [{"line": 1, "column": 12, "sourceName": None}],
                "message": "Validation error of type FieldUndefined: "
                "Field 'nosuch' in type 'Identity' is undefined @ 'whoAmI/nosuch'",
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{", "Unable to parse GraphQL query."),
        ("{whoAmI" * 20_000 + "}" * 20_000, "Unable to parse GraphQL query."),
        ("", "Invalid request, `query` can't be null."),
    ],
)
def test_a_malformed_request(api: GraphqlApi, query: str, message: str) -> None:
    response = api.post(query, authorization=api.ada.id_token)
    assert refused(response) == (400, "MalformedHttpRequestException", message)


@pytest.mark.parametrize("value", ["[" * 200_000 + "]" * 200_000, "9" * 5_000])
def test_a_body_that_cannot_be_read_is_malformed(api: GraphqlApi, value: str) -> None:
    body = f'{{"query": "{{ whoAmI {{ sub }} }}", "variables": {{"x": {value}}}}}'
    response = requests.post(api.url, data=body, headers={"Authorization": api.ada.id_token}, timeout=20)
    message = "Invalid JSON payload in GraphQLAuth POST request."
    assert refused(response) == (400, "MalformedHttpRequestException", message)


def test_a_subscription_over_http(api: GraphqlApi) -> None:
    response = api.post("subscription { onAny { userId } }", authorization=api.ada.id_token)
    assert refused(response) == (400, "UnsupportedOperation", "This endpoint takes no subscriptions.")


def test_the_apis_addresses_are_local(aws: Aws, api: GraphqlApi) -> None:
    appsync = aws.client("appsync")
    base = f"{aws.url}/v1/apis/{api.api_id}/graphql"
    uris = {"GRAPHQL": base, "REALTIME": base.replace("http", "ws") + "/realtime"}
    record = appsync.get_graphql_api(apiId=api.api_id)["graphqlApi"]
    assert record["uris"] == uris
    assert uris in [each["uris"] for each in appsync.list_graphql_apis()["graphqlApis"]]
    kept = {
        name: record[name]
        for name in ("name", "authenticationType", "userPoolConfig", "additionalAuthenticationProviders")
    }
    assert appsync.update_graphql_api(apiId=api.api_id, **kept)["graphqlApi"]["uris"] == uris
    assert (api.url, api.realtime_url) == (uris["GRAPHQL"], uris["REALTIME"])
