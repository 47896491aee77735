"""Which requests reach the application through `chalice local`, and which are refused first, with a test key."""

import json
from dataclasses import replace

import jwt
import pytest
from chalice.app import Chalice, CognitoUserPoolAuthorizer
from cryptography.hazmat.primitives.asymmetric import rsa

from local.chalice.deployed import DeployedApi, Refusal
from local.chalice.gateway import Gateway, Refused, UnloadableApp

NOW = 1_700_000_000
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
CORS = {"Access-Control-Allow-Origin": "*"}
UNAUTHORIZED = Refusal(401, CORS, '{"no": "token"}')
NO_SUCH_PATH = Refusal(404, CORS, '{"no": "path"}')
API = DeployedApi(
    environment={},
    refusals={
        "UNAUTHORIZED": UNAUTHORIZED,
        "MISSING_AUTHENTICATION_TOKEN": NO_SUCH_PATH,
        "DEFAULT_5XX": Refusal(0, CORS, ""),
    },
    user_pool={"userPoolId": "us-east-1_pool", "awsRegion": "us-east-1"},
    key_set={"keys": [{**PUBLIC, "kid": "k"}]},
)
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
CLAIMS = {"sub": "ana", "iss": ISSUER, "exp": NOW + 60, "token_use": "id", "aud": "client", "email_verified": True}


def token(key=KEY, algorithm="RS256", **changes):
    return jwt.encode(CLAIMS | changes, key, algorithm=algorithm, headers={"kid": "k"})


@pytest.fixture
def gateway():
    app = Chalice(app_name="small", configure_logs=False)

    @app.route("/claims/{name}", authorizer=CognitoUserPoolAuthorizer("users", provider_arns=["arn"]))
    def claim(name):
        return {"claim": app.current_request.context["authorizer"]["claims"][name]}

    @app.route("/open")
    def open_to_all():
        return {"authorizer": app.current_request.context.get("authorizer")}

    return Gateway(app, API, now_epoch_s=lambda: NOW)


def body_of(response):
    return json.loads(response["body"])


def refusal(gateway, method, path, headers):
    with pytest.raises(Refused) as refused:
        gateway.handle_request(method=method, path=path, headers=headers, body=None)
    return Refusal(refused.value.CODE, refused.value.headers, refused.value.body.decode())


@pytest.mark.parametrize("header", ["Authorization", "authorization"])
@pytest.mark.parametrize(("name", "claim"), [("sub", "ana"), ("email_verified", "true"), ("exp", str(NOW + 60))])
def test_a_good_token_brings_its_claims_as_text(gateway, header, name, claim):
    response = gateway.handle_request("GET", f"/claims/{name}", {header: token()}, None)
    assert (response["statusCode"], body_of(response)) == (200, {"claim": claim})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *(
            {"Authorization": bad}
            for bad in (
                "",
                "no token",
                "a.b.c",
                token(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
                token(key="a shared secret of thirty-two bytes or more", algorithm="HS256"),
                token(key="", algorithm="none"),
                token(exp=NOW),
                token(iss=f"{ISSUER}2"),
                token(token_use="access"),
            )
        ),
    ],
)
def test_without_a_valid_id_token_the_application_is_not_asked(gateway, headers):
    assert refusal(gateway, "GET", "/claims/sub", headers) == UNAUTHORIZED


def test_an_open_route_takes_nothing_from_a_token(gateway):
    forged = token(key="", algorithm="none")
    assert body_of(gateway.handle_request("GET", "/open", {"Authorization": forged}, None)) == {"authorizer": None}


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/nowhere"), ("DELETE", "/open")])
@pytest.mark.parametrize("headers", [{}, {"Authorization": token()}])
def test_an_unknown_path_or_method_is_refused(gateway, method, path, headers):
    assert refusal(gateway, method, path, headers) == NO_SUCH_PATH


def test_an_application_that_cannot_be_loaded_says_why():
    said = refusal(UnloadableApp(NameError("name 'x' is not defined"), API), "GET", "/open", {})
    message = "The application cannot be loaded: NameError: name 'x' is not defined."
    body = json.dumps({"error": {"type": "InternalFailure", "message": message}})
    assert said == Refusal(500, CORS, body)


def test_what_is_known_of_the_api_comes_through_a_line_of_text():
    assert "\n" not in API.to_json()
    assert DeployedApi.from_json(API.to_json()) == API


def test_with_an_openid_connect_provider_every_request_reaches_the_application():
    app = Chalice(app_name="small", configure_logs=False)

    @app.route("/header", authorizer=CognitoUserPoolAuthorizer("users", provider_arns=["arn"]))
    def header():
        request = app.current_request
        return {"header": request.headers.get("authorization"), "authorizer": request.context.get("authorizer")}

    gateway = Gateway(app, replace(API, environment={"OIDC": "{}"}), now_epoch_s=lambda: NOW)
    for headers in ({}, {"Authorization": "of another issuer"}):
        response = gateway.handle_request("GET", "/header", headers, None)
        expected = {"header": headers.get("Authorization"), "authorizer": None}
        assert (response["statusCode"], body_of(response)) == (200, expected)
