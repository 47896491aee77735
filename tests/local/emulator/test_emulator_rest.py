"""REST APIs: built from a document, served with the rules of API Gateway."""

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.local.appsync_api import Aws, GraphqlApi, claims_of
from tests.local.emulator.rest_api import ORIGIN, RestApi, create_function, deploy, document, permit

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="session")
def function_arn(aws: Aws) -> str:
    return create_function(aws, "routes")


@pytest.fixture(scope="session")
def swagger(function_arn: str, api: GraphqlApi) -> dict[str, Any]:
    return document(function_arn, api.user_pool_id)


@pytest.fixture(scope="session")
def rest(aws: Aws, swagger: dict[str, Any]) -> RestApi:
    created = aws.client("apigateway").import_rest_api(body=json.dumps(swagger))
    assert (created["name"], created["binaryMediaTypes"]) == ("runs", ["image/png"])
    permit(aws, "routes", created["id"])
    return deploy(aws, created["id"])


def signed(claims: dict[str, Any], key: Any, like: str) -> str:
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(like)["kid"]})


def refusal(response: Any) -> tuple[int, str]:
    """The status and message of an answer that the gateway made itself; browsers may read it."""
    assert "x-made-by" not in response.headers
    assert response.headers["access-control-allow-origin"] == ORIGIN
    return response.status_code, response.json()["message"]


@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_the_function_gets_the_request_and_the_claims(rest: RestApi, api: GraphqlApi, scheme: str) -> None:
    answer = rest.call("GET", "/runs/7?a=1&a=2", scheme + api.ada.id_token)
    assert (answer.status_code, answer.headers["x-made-by"]) == (202, "function")
    told = answer.json()
    assert told["claims"]["sub"] == api.ada.sub
    assert told["claims"]["cognito:groups"] == "[admins]"
    assert told["resource"] == "/runs/{id}"
    assert told["pathParameters"] == {"id": "7"}
    assert told["several"] == {"a": ["1", "2"]}


def test_a_body_of_a_binary_media_type_arrives_encoded(rest: RestApi, api: GraphqlApi) -> None:
    told = rest.call("POST", "/runs", api.ada.id_token, data=b"\xff", headers={"content-type": "image/png"}).json()
    assert (told["body"], told["isBase64Encoded"]) == (base64.b64encode(b"\xff").decode(), True)
    told = rest.call("POST", "/runs", api.ada.id_token, json={"a": 1}).json()
    assert (json.loads(told["body"]), told["isBase64Encoded"]) == ({"a": 1}, False)


def test_a_route_without_authorizer_is_open(rest: RestApi) -> None:
    told = rest.call("GET", "/health", "whatever")
    assert (told.status_code, told.json()["claims"]) == (202, None)


def test_a_preflight_is_answered_without_the_function(rest: RestApi) -> None:
    answer = rest.call("OPTIONS", "/runs/7", headers={"origin": ORIGIN})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET,OPTIONS"
    assert "x-made-by" not in answer.headers


def test_without_a_valid_id_token(rest: RestApi, api: GraphqlApi, other_api: GraphqlApi) -> None:
    claims = claims_of(api.ada.id_token)
    forged = signed(claims, rsa.generate_private_key(public_exponent=65537, key_size=2048), api.ada.id_token)
    for token in ("", "junk", "Bearer", forged, api.ada.access_token, other_api.ada.id_token):
        assert refusal(rest.call("POST", "/runs", token, json={})) == (401, "Unauthorized")


def test_an_expired_token(rest: RestApi, api: GraphqlApi, tmp_path_factory: pytest.TempPathFactory) -> None:
    (key,) = tmp_path_factory.getbasetemp().glob(f"*[0-9]/ministack-state/cognito-pool-keys/{api.user_pool_id}-id.pem")
    claims = claims_of(api.ada.id_token)
    for expires, status in ((claims["exp"], 202), (claims["iat"] - 1, 401)):
        token = signed({**claims, "exp": expires}, Path(key).read_text(), api.ada.id_token)
        assert rest.call("POST", "/runs", token, json={}).status_code == status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/unknown"), ("DELETE", "/runs"), ("GET", ""), ("GET", "/runs/7/8")]
)
def test_what_no_route_serves(rest: RestApi, method: str, path: str) -> None:
    assert refusal(rest.call(method, path)) == (403, "Missing Authentication Token")


@pytest.mark.parametrize(
    ("scheme", "message"),
    [("", "Authorization header requires 'Credential' parameter."), ("Bearer ", "Invalid key=value pair")],
)
def test_where_no_route_is_a_token_is_taken_for_a_signature(
    rest: RestApi, api: GraphqlApi, scheme: str, message: str
) -> None:
    answer = rest.call("GET", "/unknown", scheme + api.ada.id_token)
    assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"
    status, told = refusal(answer)
    assert status == 403
    assert told.startswith(message)
    assert api.ada.id_token not in told


def test_a_body_over_the_limit(rest: RestApi, api: GraphqlApi) -> None:
    assert rest.call("POST", "/runs", api.ada.id_token, data=b"x" * MEBIBYTE).status_code == 202
    over = b"x" * (10 * MEBIBYTE + 1)
    assert refusal(rest.call("POST", "/runs", api.ada.id_token, data=over)) == (413, "Request Too Long")


def test_a_function_that_raises_is_not_quoted(rest: RestApi) -> None:
    assert refusal(rest.call("PATCH", "/broken")) == (502, "Internal server error")


def test_an_api_needs_permission_to_invoke_its_function(aws: Aws, swagger: dict[str, Any]) -> None:
    rest = deploy(aws, aws.client("apigateway").import_rest_api(body=json.dumps(swagger))["id"])
    assert refusal(rest.call("GET", "/health")) == (500, "Internal server error")
    permit(aws, "routes", rest.api_id)
    assert rest.call("GET", "/health").status_code == 202


def test_an_import_over_an_api_leaves_nothing_of_the_old_one(
    aws: Aws, swagger: dict[str, Any], api: GraphqlApi
) -> None:
    gateway = aws.client("apigateway")
    api_id = gateway.create_rest_api(name="mine", description="old")["id"]
    permit(aws, "routes", api_id)
    gateway.put_rest_api(restApiId=api_id, mode="overwrite", body=json.dumps(swagger))
    rest = deploy(aws, api_id)
    assert rest.call("POST", "/runs", api.ada.id_token, json={}).status_code == 202
    less = {
        **swagger,
        "info": {"title": "less", "description": "new"},
        "paths": {"/runs/{id}": swagger["paths"]["/runs/{id}"], "/": {"get": swagger["paths"]["/health"]["get"]}},
        "x-amazon-apigateway-gateway-responses": {},
        "x-amazon-apigateway-binary-media-types": [],
    }
    for _ in range(2):  # a document imported again changes nothing
        told = gateway.put_rest_api(restApiId=api_id, mode="overwrite", body=json.dumps(less))
        assert (told["name"], told["description"], told["binaryMediaTypes"]) == ("less", "new", [])
        resources = gateway.get_resources(restApiId=api_id)["items"]
        served = {item["path"]: sorted(item.get("resourceMethods", {})) for item in resources}
        assert served == {"/": ["GET"], "/runs": [], "/runs/{id}": ["GET", "OPTIONS"]}
        assert len(gateway.get_authorizers(restApiId=api_id)["items"]) == 1
        responses = gateway.get_gateway_responses(restApiId=api_id)["items"]
        assert all(response["defaultResponse"] for response in responses)
    assert rest.call("GET", "/").status_code == 202
    assert rest.call("GET", "/health").status_code == 403
    assert rest.call("GET", "/runs/7").status_code == 401


def test_a_policy_of_the_document_holds(aws: Aws, swagger: dict[str, Any]) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    closed = {**swagger, "x-amazon-apigateway-policy": policy}
    rest = deploy(aws, aws.client("apigateway").import_rest_api(body=json.dumps(closed))["id"])
    assert rest.call("GET", "/health").status_code == 403


def swagger_with(**parts: Any) -> str:
    return json.dumps({"swagger": "2.0", **parts})


MOCK = {"x-amazon-apigateway-integration": {"type": "mock"}}
HTTP = {"x-amazon-apigateway-integration": {"type": "http"}}
LAMBDA_AUTHORIZER = {"type": "apiKey", "name": "a", "x-amazon-apigateway-authorizer": {"type": "token"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the document is not JSON"),
        ("[]", "only Swagger 2.0 is carried"),
        ('{"openapi": "3.0.1"}', "only Swagger 2.0 is carried"),
        (swagger_with(securityDefinitions={"l": LAMBDA_AUTHORIZER}), "securityDefinitions.l: only authorizers of"),
        (swagger_with(paths={"/x": {"get": HTTP}}), "get /x: only integrations of type aws_proxy or mock"),
        (swagger_with(paths={"/x": {"get": {}}}), "get /x: only integrations of type aws_proxy or mock"),
        (swagger_with(paths={"/x": {"get": {**MOCK, "security": [{"u": []}]}}}), "get /x: security must name one"),
    ],
)
def test_what_is_not_carried_is_refused_before_anything_changes(
    aws: Aws, rest: RestApi, text: str, message: str
) -> None:
    gateway = aws.client("apigateway")
    before = gateway.get_resources(restApiId=rest.api_id)["items"]
    with pytest.raises(ClientError, match=f"Errors found during import: {message}") as refused:
        gateway.put_rest_api(restApiId=rest.api_id, mode="overwrite", body=text)
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert gateway.get_resources(restApiId=rest.api_id)["items"] == before


def test_an_import_into_nothing_or_without_overwriting(aws: Aws, rest: RestApi, swagger: dict[str, Any]) -> None:
    gateway, text = aws.client("apigateway"), json.dumps(swagger)
    with pytest.raises(ClientError, match="Invalid API identifier specified"):
        gateway.put_rest_api(restApiId="nothing", mode="overwrite", body=text)
    with pytest.raises(ClientError, match="only mode=overwrite is carried"):
        gateway.put_rest_api(restApiId=rest.api_id, body=text)


def test_an_import_needs_a_valid_signature(aws: Aws, rest: RestApi, swagger: dict[str, Any]) -> None:
    stranger = aws.client("apigateway", "AKIASTRANGER", "wrong")
    with pytest.raises(ClientError) as refused:
        stranger.put_rest_api(restApiId=rest.api_id, mode="overwrite", body=json.dumps(swagger))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
