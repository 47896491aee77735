"""An API whose schema has a field for each rule, and the clients that call it frame by frame and request by request."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from requests_aws4auth import AWS4Auth
from websockets.sync.client import ClientConnection

from local.endpoint import Endpoint

REGION = "us-east-1"
FRAME_SECONDS = 20

SCHEMA = """
type Update @aws_iam @aws_cognito_user_pools {
  userId: ID
  topic: String
  status: String
  size: Int
  metadata: AWSJSON
  secret: String @aws_iam
}
type Undirected { userId: ID, status: String }
type Identity { sub: String, username: String, issuer: String, groups: [String], authType: String, claims: AWSJSON }
type Level { next: Level, name: String }
input UpdateInput { userId: ID, topic: String, status: String, size: Int, metadata: AWSJSON, secret: String }
type Query {
  whoAmI: Identity
  level: Level
  administration: String @aws_cognito_user_pools(cognito_groups: ["admins"])
  callerOfOtherModes: String @aws_api_key @aws_iam
  echo(value: AWSJSON): AWSJSON
  jsonText: AWSJSON
  variables(add: String): AWSJSON
}
type Mutation {
  publish(input: UpdateInput!): Update @aws_iam
  publishUndirected(input: UpdateInput!): Undirected @aws_iam
  refuse: Update @aws_iam
}
type Subscription {
  onOwn(userId: ID!, topic: String): Update @aws_subscribe(mutations: ["publish"])
  onBadFilter: Update @aws_subscribe(mutations: ["publish"])
  onAny(userId: ID, topic: String): Update @aws_subscribe(mutations: ["publish", "refuse"])
  onUndirected(userId: ID): Undirected @aws_subscribe(mutations: ["publishUndirected"])
}
"""
_ECHO_INPUT = """
export function request(ctx) { return { payload: ctx.args.input }; }
export function response(ctx) { return ctx.result; }
"""
RESOLVERS = {
    "Query.whoAmI": """
export function request(ctx) { return { payload: { ...ctx.identity, authType: util.authType() } }; }
export function response(ctx) { return ctx.result; }
""",
    "Query.level": """
export function request() { return { payload: { name: "top", next: { name: "below" } } }; }
export function response(ctx) { return ctx.result; }
""",
    "Query.administration": """
export function request() { return { payload: "granted" }; }
export function response(ctx) { return ctx.result; }
""",
    "Query.callerOfOtherModes": """
export function request(ctx) { return { payload: util.authType() + " " + JSON.stringify(ctx.identity) }; }
export function response(ctx) { return ctx.result; }
""",
    "Query.echo": """
export function request(ctx) { return { payload: { type: typeof ctx.args.value, value: ctx.args.value } }; }
export function response(ctx) { return ctx.result; }
""",
    "Query.jsonText": """
export function request() { return { payload: JSON.stringify({ a: 1 }) }; }
export function response(ctx) { return ctx.result; }
""",
    # What a resolver writes into the variables is gone at the next call.
    "Query.variables": """
export function request(ctx) {
  const before = JSON.stringify(ctx.info.variables);
  ctx.info.variables.added = ctx.args.add ?? null;
  return { payload: { before, with: ctx.info.variables } };
}
export function response(ctx) { return { ...ctx.result, after: { ...ctx.info }.variables }; }
""",
    "Mutation.publish": _ECHO_INPUT,
    "Mutation.publishUndirected": _ECHO_INPUT,
    "Mutation.refuse": """
export function request() { util.error("no", "Conflict"); }
export function response(ctx) { return ctx.result; }
""",
    "Subscription.onOwn": """
export function request(ctx) {
  if (ctx.args.userId !== ctx.identity.sub) { util.error("Only one's own.", "Unauthorized"); }
  return { payload: null };
}
export function response(ctx) {
  const filters = [{ fieldName: "userId", operator: "eq", value: ctx.identity.sub }];
  if (ctx.args.topic) { filters.push({ fieldName: "topic", operator: "eq", value: ctx.args.topic }); }
  extensions.setSubscriptionFilter({ filterGroup: [{ filters }] });
  return null;
}
""",
    "Subscription.onBadFilter": """
export function request() { return { payload: null }; }
export function response() {
  extensions.setSubscriptionFilter({ filterGroup: [{ filters: [{ fieldName: "a", operator: "like", value: 1 }] }] });
  return null;
}
""",
}
UPDATE_FIELDS = "userId topic status size metadata secret"


@dataclass
class ModelServer:
    """A fake of the model behind Bedrock: returns the answers that a test sets."""

    url: str
    status: int = 200
    requests: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Aws:
    """Makes boto3 clients of the emulator, as root unless other credentials are given."""

    endpoint: Endpoint

    @property
    def url(self) -> str:
        return self.endpoint.url

    def client(self, service: str, access_key: str = "", secret: str = "", token: str | None = None) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key or self.endpoint.access_key_id,
            aws_secret_access_key=secret or self.endpoint.secret_access_key,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 1}),
        )

    def sign(self, service: str) -> AWS4Auth:
        """Signs a request as root, for `requests`."""
        return AWS4Auth(self.endpoint.access_key_id, self.endpoint.secret_access_key, REGION, service)


@dataclass(frozen=True)
class User:
    name: str
    sub: str
    id_token: str
    access_token: str


@dataclass
class GraphqlApi:
    """The API under test, its users, and the ways to call it."""

    api_id: str
    url: str
    realtime_url: str
    api_key: str
    user_pool_id: str
    aws: Aws
    ada: User
    ben: User

    def post(self, query: str, *, variables: Any = None, auth: Any = None, **headers: str) -> requests.Response:
        body = json.dumps({"query": query, "variables": variables})
        sent = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return requests.post(self.url, data=body, headers=sent, auth=auth, timeout=FRAME_SECONDS)

    def publish(self, *, fields: str = UPDATE_FIELDS, mutation: str = "publish", **event: Any) -> dict[str, Any]:
        """Publishes as an IAM caller, signing as the publisher does."""
        type_name = "UpdateInput"
        query = f"mutation P($input: {type_name}!) {{ {mutation}(input: $input) {{ {fields} }} }}"
        answer = self.post(query, variables={"input": event}, auth=self.aws.sign("appsync")).json()
        assert "errors" not in answer or mutation != "publish", answer
        return answer


def create_api(aws: Aws, name: str, **settings: Any) -> GraphqlApi:
    cognito, appsync = aws.client("cognito-idp"), aws.client("appsync")
    pool_id = cognito.create_user_pool(PoolName=name)["UserPool"]["Id"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool_id, ClientName="tests", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    created = appsync.create_graphql_api(
        name=name,
        authenticationType="AMAZON_COGNITO_USER_POOLS",
        userPoolConfig={"userPoolId": pool_id, "awsRegion": REGION, "defaultAction": "ALLOW"},
        additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}, {"authenticationType": "API_KEY"}],
        **settings,
    )["graphqlApi"]
    api_id = created["apiId"]
    appsync.start_schema_creation(apiId=api_id, definition=SCHEMA.encode())
    appsync.create_data_source(apiId=api_id, name="none", type="NONE")
    for place, code in RESOLVERS.items():
        type_name, field_name = place.split(".")
        appsync.create_resolver(
            apiId=api_id,
            typeName=type_name,
            fieldName=field_name,
            dataSourceName="none",
            code=code,
            runtime={"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"},
        )
    cognito.create_group(UserPoolId=pool_id, GroupName="admins")
    users = [_create_user(cognito, pool_id, client_id, name) for name in ("ada", "ben")]
    return GraphqlApi(
        api_id,
        created["uris"]["GRAPHQL"],
        created["uris"]["REALTIME"],
        appsync.create_api_key(apiId=api_id)["apiKey"]["id"],
        pool_id,
        aws,
        *users,
    )


def _create_user(cognito: Any, pool_id: str, client_id: str, name: str) -> User:
    password = "Correct-horse-1"
    cognito.admin_create_user(UserPoolId=pool_id, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)
    if name == "ada":
        cognito.admin_add_user_to_group(UserPoolId=pool_id, Username=name, GroupName="admins")
    # Signing in is open to everyone and not signed.
    unsigned = boto3.client(
        "cognito-idp",
        endpoint_url=cognito.meta.endpoint_url,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED),
    )
    tokens = unsigned.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )["AuthenticationResult"]
    return User(name, claims_of(tokens["IdToken"])["sub"], tokens["IdToken"], tokens["AccessToken"])


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


class RealtimeClient:
    """Speaks the real-time protocol frame by frame over an open connection."""

    def __init__(self, socket: ClientConnection, headers: dict[str, str], *, initialise: bool = True) -> None:
        self.socket = socket
        self._headers = headers
        if initialise:
            self.send({"type": "connection_init"})
            assert self.next()["type"] == "connection_ack"
            assert self.next()["type"] == "ka"

    def send(self, frame: Any) -> None:
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=FRAME_SECONDS))
        return frame

    def start(self, query: str, *, frame_id: str = "1", variables: Any = None, headers: Any = None) -> dict[str, Any]:
        data = json.dumps({"query": query, "variables": variables or {}})
        authorization = headers or self._headers
        payload = {"data": data, "extensions": {"authorization": authorization}}
        self.send({"id": frame_id, "type": "start", "payload": payload})
        return self.next()

    def next_event(self) -> Any:
        """The one field of the next data frame."""
        frame = self.next()
        assert frame["type"] == "data", frame
        (event,) = frame["payload"]["data"].values()
        return event
