"""A REST API of the shape that Chalice exports, with a function behind it that tells what reached it."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import requests

from tests.local.appsync_api import REGION, Aws
from tests.local.emulator.test_emulator_compute import put_role

ACCOUNT = "000000000000"
ORIGIN = "https://a.example"
CODE = """
import json

def handler(event, context):
    if event["path"] == "/broken":
        raise ValueError("a secret")
    told = {name: event[name] for name in ("resource", "pathParameters", "body", "isBase64Encoded")}
    told["claims"] = event["requestContext"].get("authorizer", {}).get("claims")
    told["several"] = event["multiValueQueryStringParameters"]
    return {"statusCode": 202, "headers": {"x-made-by": "function"}, "body": json.dumps(told)}
"""


@dataclass(frozen=True)
class RestApi:
    """An imported API, deployed to one stage."""

    api_id: str
    url: str

    def call(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        headers = {**({"authorization": token} if token else {}), **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **options)


def create_function(aws: Aws, name: str) -> str:
    """Creates the function that is behind every route; returns its ARN."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    rights = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    created = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=put_role(aws, name, rights),
        Code={"ZipFile": packed.getvalue()},
    )
    arn: str = created["FunctionArn"]
    return arn


def permit(aws: Aws, function_name: str, api_id: str) -> None:
    aws.client("lambda").add_permission(
        FunctionName=function_name,
        StatementId=api_id,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api_id}/*",
    )


def deploy(aws: Aws, api_id: str) -> RestApi:
    gateway = aws.client("apigateway")
    deployment = gateway.create_deployment(restApiId=api_id)["id"]
    gateway.create_stage(restApiId=api_id, stageName="api", deploymentId=deployment)
    return RestApi(api_id, f"{aws.url}/restapis/{api_id}/api/_user_request_")


def document(function_arn: str, user_pool_id: str) -> dict[str, Any]:
    """The Swagger document: `/runs`, `/runs/{id}` for signed-in users, `/health` and `/broken` for everybody."""
    paths = {
        "/runs": {"post": _operation(function_arn, secured=True), "options": _preflight("POST,OPTIONS")},
        "/runs/{id}": {"get": _operation(function_arn, secured=True), "options": _preflight("GET,OPTIONS")},
        "/health": {"get": _operation(function_arn)},
        "/broken": {"x-amazon-apigateway-any-method": _operation(function_arn)},
    }
    allowed = {"responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": f"'{ORIGIN}'"}}
    pool = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{user_pool_id}"
    return {
        "swagger": "2.0",
        "info": {"version": "1.0", "title": "runs"},
        "paths": paths,
        "definitions": {"Empty": {"type": "object", "title": "Empty Schema"}},
        "securityDefinitions": {
            "users": {
                "in": "header",
                "type": "apiKey",
                "name": "Authorization",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [pool]},
            }
        },
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": allowed, "DEFAULT_5XX": allowed},
    }


def _operation(function_arn: str, *, secured: bool = False) -> dict[str, Any]:
    invocation = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    return {
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "responses": {"200": {"description": "200 response", "schema": {"$ref": "#/definitions/Empty"}}},
        "x-amazon-apigateway-integration": {
            "responses": {"default": {"statusCode": "200"}},
            "uri": invocation,
            "passthroughBehavior": "when_no_match",
            "httpMethod": "POST",
            "contentHandling": "CONVERT_TO_TEXT",
            "type": "aws_proxy",
        },
        **({"security": [{"users": []}]} if secured else {}),
    }


def _preflight(methods: str) -> dict[str, Any]:
    values = {"Access-Control-Allow-Methods": methods, "Access-Control-Allow-Origin": ORIGIN}
    parameters = {f"method.response.header.{name}": f"'{value}'" for name, value in values.items()}
    return {
        "responses": {"200": {"description": "200 response", "headers": {name: {"type": "string"} for name in values}}},
        "x-amazon-apigateway-integration": {
            "responses": {"default": {"statusCode": "200", "responseParameters": parameters}},
            "requestTemplates": {"application/json": json.dumps({"statusCode": 200})},
            "passthroughBehavior": "when_no_match",
            "type": "mock",
            "contentHandling": "CONVERT_TO_TEXT",
        },
    }
