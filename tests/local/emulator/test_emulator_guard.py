"""Only signed requests, and what AWS answers without a signature, reach the emulated AWS; pages get no further."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import requests
import websockets.sync.client
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

from local.asgi import Request
from local.emulator.guard import Access, access
from tests.local.appsync_api import REGION, Aws, GraphqlApi
from tests.local.emulator.test_emulator_compute import create_function, invoke, put_role, refusal

EVIL = "https://evil.example"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
LINK = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA/20260101/us-east-1/s3/aws4_request&X-Amz-Signature=0"
FORM = "multipart/form-data; boundary=x"
FUNCTIONS = "/2015-03-31/functions"
GRAPHQL = "/v1/apis/x/graphql"
SIGN_IN = "AWSCognitoIdentityProviderService.InitiateAuth"
PUBLIC_OPERATIONS = {"InitiateAuth"}


def asked(method: str = "GET", target: str = FUNCTIONS, kind: str = "http", **headers: str) -> Access:
    path, _, query = target.partition("?")
    given = {"host": "127.0.0.1:4566"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    return access(Request.of(scope), PUBLIC_OPERATIONS)


@pytest.mark.parametrize(
    "granted",
    [
        asked(),
        asked("POST", "/", content_type="application/x-www-form-urlencoded"),
        asked("POST", "/", x_amz_target="DynamoDB_20120810.Scan"),
        asked("POST", "/", x_amz_target="AWSCognitoIdentityProviderService.AdminGetUser"),
        asked("POST", "/?Action=GetUser", x_amz_target=SIGN_IN),
        asked("POST", GRAPHQL, x_amz_target="DynamoDB_20120810.Scan"),
        asked("POST", "/restapis/a/v1/_user_request_/runs", x_amz_target="DynamoDB_20120810.Scan"),
        asked("GET", GRAPHQL),
        asked("GET", "/v1/apis/x"),
        asked("POST", "/_ministack/reset"),
        asked("GET", "/_ministack/health"),
        asked("OPTIONS", FUNCTIONS, origin=EVIL),
        asked("GET", "/bucket/key"),
        # Signed in the query, but no object of S3.
        asked("GET", f"{FUNCTIONS}?{LINK.replace('/s3/', '/lambda/')}"),
        asked("GET", f"/?{LINK}"),
        asked("GET", f"/bucket?{LINK}"),
        asked("POST", "/bucket", content_type="application/x-www-form-urlencoded"),
        asked("POST", "/bucket", content_type=FORM, x_amz_target="DynamoDB_20120810.Scan"),
        asked("POST", "/bucket?delete", content_type=FORM),
        asked("POST", "/bucket/key", content_type=FORM),
        asked("POST", "/", content_type=FORM),
        asked("PUT", "/bucket", content_type=FORM, origin=EVIL),
        asked("OPTIONS", "/bucket", origin=EVIL, access_control_request_method="PUT"),
        asked("GET", "/bucket/key?AWSAccessKeyId=AKIA&Signature=0&Expires=4000000000"),
        asked("POST", f"{GRAPHQL}?{LINK}"),
        asked("GET", f"/bucket/key?{LINK}", authorization=SIGNED),
        asked("POST", f"/bucket/key?{LINK}", x_amz_target="DynamoDB_20120810.Scan"),
        # Signed, but by a page of another origin.
        asked(authorization=SIGNED, sec_fetch_site="cross-site"),
        asked(authorization=SIGNED, sec_fetch_site="same-site"),
        asked(authorization=SIGNED, origin=EVIL),
        asked(authorization=SIGNED, origin="null"),
        asked(authorization=SIGNED, origin="http://localhost:3000"),
        asked(authorization=SIGNED, origin="http://127.0.0.1:4566.evil.example"),
        # A name that leads to this machine.
        asked(authorization=SIGNED, host="evil.example:4566"),
        asked("POST", GRAPHQL, host="evil.example:4566"),
        asked("POST", GRAPHQL, host="127.0.0.1.evil.example"),
        asked("POST", GRAPHQL, host=""),
        asked("GET", "/", "websocket"),
        asked("GET", GRAPHQL, "websocket", host="evil.example"),
    ],
)
def test_what_is_refused(granted: Access) -> None:
    assert granted is Access.REFUSED


@pytest.mark.parametrize(
    "granted",
    [
        asked(authorization=SIGNED),
        asked(authorization=SIGNED, sec_fetch_site="none"),
        asked(authorization=SIGNED, sec_fetch_site="same-origin", origin="http://127.0.0.1:4566"),
        asked("POST", "/", authorization=SIGNED, x_amz_target="DynamoDB_20120810.Scan"),
        asked("POST", GRAPHQL, authorization=SIGNED),
        asked("GET", f"/bucket/results/a.json?{LINK}", origin=EVIL, sec_fetch_site="cross-site"),
        asked("POST", "/bucket", content_type=FORM, origin=EVIL, sec_fetch_site="cross-site"),
        asked("PUT", f"/bucket/uploads/a?{LINK}", origin="http://localhost:3000", sec_fetch_site="same-site"),
    ],
)
def test_what_needs_a_valid_signature(granted: Access) -> None:
    assert granted is Access.SIGNED


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://app.example.com"])
@pytest.mark.parametrize(
    ("method", "target", "kind", "headers"),
    [
        ("POST", GRAPHQL, "http", {"authorization": "eyJ"}),
        ("OPTIONS", GRAPHQL, "http", {}),
        ("GET", GRAPHQL, "websocket", {}),
        ("GET", f"{GRAPHQL}/realtime?header=e30=&payload=e30=", "websocket", {}),
        ("DELETE", "/restapis/a/v1/_user_request_/runs/one", "http", {"authorization": "eyJ"}),
        ("GET", "/restapis/a/v1/_user_request_/runs/one\n", "http", {}),
        ("OPTIONS", "/restapis/a/v1/_user_request_/runs", "http", {}),
        ("POST", "/", "http", {"x-amz-target": SIGN_IN}),
        ("OPTIONS", "/", "http", {}),
        ("GET", "/us-east-1_abc/.well-known/jwks.json", "http", {}),
        ("OPTIONS", f"/bucket/uploads/a?{LINK}", "http", {}),
        ("OPTIONS", "/bucket", "http", {"access-control-request-method": "POST"}),
    ],
)
def test_what_frontends_may_ask(method: str, target: str, kind: str, headers: dict[str, str], origin: str) -> None:
    assert asked(method, target, kind, origin=origin, sec_fetch_site="cross-site", **headers) is Access.PUBLIC


def test_a_repeated_header_is_not_read_in_part() -> None:
    names = [(b"host", b"127.0.0.1"), (b"x-amz-target", b"DynamoDB_20120810.Scan"), (b"x-amz-target", SIGN_IN.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": names}
    assert access(Request.of(scope), PUBLIC_OPERATIONS) is Access.REFUSED


@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAIOSFODNN7EXAMPLE"])
def test_no_key_that_everybody_knows_is_taken(aws: Aws, key: str) -> None:
    for service, ask in (("lambda", "list_functions"), ("dynamodb", "list_tables"), ("iam", "list_roles")):
        with pytest.raises(ClientError) as refused:
            getattr(aws.client(service, key, "test"), ask)()
        assert refusal(refused) in ("UnrecognizedClientException", "InvalidClientTokenId")


def test_the_root_key_is_taken_with_its_secret_only(aws: Aws) -> None:
    assert aws.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    with pytest.raises(ClientError) as refused:
        aws.client("lambda", secret="test").list_functions()
    assert refusal(refused) == "InvalidSignatureException"
    with pytest.raises(ClientError) as unknown:
        aws.client("s3", secret="test").list_buckets()
    assert refusal(unknown) == "SignatureDoesNotMatch"


def test_what_was_signed_is_what_is_served(aws: Aws) -> None:
    sent = requests.Request("POST", aws.url, data="{}", headers={"X-Amz-Target": "DynamoDB_20120810.ListTables"})
    prepared = aws.sign("dynamodb")(sent.prepare())
    with requests.Session() as session:
        assert session.send(prepared, timeout=5).status_code == 200
        prepared.headers["X-Amz-Target"] = "DynamoDB_20120810.DeleteTable"
        assert session.send(prepared, timeout=5).status_code in (400, 403)


def test_each_start_has_a_key_of_its_own(aws: Aws, new_emulator: Any, tmp_path: Any) -> None:
    key = aws.endpoint
    with new_emulator(tmp_path) as other:
        functions = Aws(other.endpoint).client("lambda", key.access_key_id, key.secret_access_key)
        with pytest.raises(ClientError) as refused:
            functions.list_functions()
    assert refusal(refused) == "UnrecognizedClientException"


def test_a_functions_keys_cannot_be_derived_from_its_name(aws: Aws) -> None:
    role = put_role(aws, "guessed", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    create_function(aws, "guessed", role)
    assert invoke(aws, "guessed")[0]
    digest = hashlib.sha256(f"arn:aws:lambda:{REGION}:000000000000:function:guessed:{role}".encode()).hexdigest()
    secret, token = (hashlib.sha256(f"{what}:{digest}".encode()).hexdigest() for what in ("secret", "token"))
    with pytest.raises(ClientError) as refused:
        aws.client("lambda", f"ASIA{digest[:16].upper()}", secret, token).list_functions()
    assert refusal(refused) == "UnrecognizedClientException"


@pytest.fixture(scope="module")
def bucket(aws: Aws) -> str:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="results")
    s3.put_object(Bucket="results", Key="a b/ü.json", Body=b"{}")
    return "results"


def test_a_link_to_an_object_serves_what_it_was_signed_for(aws: Aws, bucket: str) -> None:
    signer = aws.endpoint.client("s3", Config(signature_version="s3v4"))
    about = {"Bucket": bucket, "Key": "a b/ü.json"}
    page = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    link = signer.generate_presigned_url("get_object", Params=about, ExpiresIn=60)
    assert requests.get(link, headers=page, timeout=5).text == "{}"
    for changed in (link.replace("a%20b", "other"), link[:-1] + ("0" if link[-1] != "0" else "1")):
        assert requests.get(changed, headers=page, timeout=5).status_code == 403
    assert requests.put(link, data="x", timeout=5).status_code == 403
    upload = signer.generate_presigned_url("put_object", Params=about, ExpiresIn=60)
    assert requests.put(upload, data='{"new": 1}', headers=page, timeout=5).status_code == 200
    assert requests.get(link, timeout=5).text == '{"new": 1}'
    known = Aws(aws.endpoint).client("s3", "test", "test")
    forged = known.generate_presigned_url("get_object", Params=about, ExpiresIn=60)
    assert requests.get(forged, timeout=5).status_code == 403


@pytest.mark.parametrize("expires", ["-1", "soon", "99999999999999999999"])
def test_a_link_that_has_no_valid_end_is_refused(aws: Aws, bucket: str, expires: str) -> None:
    request = AWSRequest("GET", f"{aws.url}/{bucket}/a%20b/%C3%BC.json")
    key = Credentials(aws.endpoint.access_key_id, aws.endpoint.secret_access_key)
    SigV4QueryAuth(key, "s3", REGION, expires=expires).add_auth(request)  # type: ignore[arg-type]
    assert requests.get(request.url, timeout=5).status_code == 403


def test_a_signature_in_the_query_opens_nothing_but_objects(aws: Aws) -> None:
    key = Credentials(aws.endpoint.access_key_id, aws.endpoint.secret_access_key)
    for service in ("lambda", "s3"):
        request = AWSRequest("GET", f"{aws.url}{FUNCTIONS}/")
        SigV4QueryAuth(key, service, REGION).add_auth(request)
        answer = requests.get(request.url, timeout=5)
        assert answer.status_code == 403, answer.text
        assert "Functions" not in answer.text


def test_the_handshake_of_another_websocket_is_refused(aws: Aws, api: GraphqlApi) -> None:
    address = aws.url.replace("http", "ws", 1)
    with (
        pytest.raises(InvalidStatus),
        websockets.sync.client.connect(f"{address}/_aws/execute-api/a/v1", proxy=None),
    ):
        pass
    with (
        pytest.raises(InvalidStatus),
        websockets.sync.client.connect(
            api.realtime_url, additional_headers={"Host": "evil.example"}, subprotocols=["graphql-ws"], proxy=None
        ),
    ):
        pass


def upload_form(client: Any, max_bytes: int = 10, seconds: int = 60) -> dict[str, Any]:
    """A form as createUpload signs it."""
    fields = {"Content-Type": "image/png", "x-amz-meta-name": "site"}
    conditions = [*({name: text} for name, text in fields.items()), ["content-length-range", 1, max_bytes]]
    form: dict[str, Any] = client.generate_presigned_post(
        "results", "uploads/a/1", Fields=fields, Conditions=conditions, ExpiresIn=seconds
    )
    return form


def send(form: dict[str, Any], content: bytes, **changed: str) -> tuple[int, str]:
    """Send a form as a page of another origin does; return the status and the code of the refusal."""
    page = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    fields = {name.replace("_", "-"): value for name, value in changed.items()}
    sent = {**{name: value for name, value in form["fields"].items() if name.lower() not in fields}, **fields}
    answer = requests.post(form["url"], data=sent, files={"file": ("site.png", content)}, headers=page, timeout=5)
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_a_form_uploads_what_it_was_signed_for(aws: Aws, bucket: str) -> None:
    s3 = aws.client("s3")
    form = upload_form(aws.endpoint.client("s3", Config(signature_version="s3v4")))
    assert send(form, b"0123456789") == (204, "")
    stored = s3.get_object(Bucket=bucket, Key="uploads/a/1")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"0123456789", "image/png")
    assert stored["Metadata"] == {"name": "site"}


def test_a_form_uploads_nothing_else(aws: Aws, bucket: str) -> None:
    s3 = aws.client("s3")
    before = s3.list_objects_v2(Bucket=bucket)["Contents"]
    v4 = Config(signature_version="s3v4")
    signer = aws.endpoint.client("s3", v4)
    form, late = upload_form(signer), upload_form(signer, seconds=-1)
    forged = upload_form(replace(aws.endpoint, access_key_id="test", secret_access_key="test").client("s3", v4))
    forged_secret = upload_form(replace(aws.endpoint, secret_access_key="test").client("s3", v4))
    unsigned = {**form, "fields": {name: form["fields"][name] for name in ("key", "Content-Type")}}
    assert {
        "larger": send(form, b"0123456789A"),
        "empty": send(form, b""),
        "another key": send(form, b"x", key="uploads/b/1"),
        "another type": send(form, b"x", content_type="text/html"),
        "another name": send(form, b"x", x_amz_meta_name="other"),
        "one more field": send(form, b"x", acl="public-read"),
        "another policy": send(form, b"x", policy=late["fields"]["policy"]),
        "expired": send(late, b"x"),
        "known key": send(forged, b"x"),
        "wrong secret": send(forged_secret, b"x"),
        "no signature": send(unsigned, b"x"),
    } == {
        "larger": (400, "EntityTooLarge"),
        "empty": (400, "EntityTooSmall"),
        **dict.fromkeys(("another key", "another type", "another name", "one more field"), (403, "AccessDenied")),
        "another policy": (403, "SignatureDoesNotMatch"),
        "expired": (403, "AccessDenied"),
        "known key": (403, "InvalidAccessKeyId"),
        "wrong secret": (403, "SignatureDoesNotMatch"),
        "no signature": (403, "InvalidAccessKeyId"),
    }
    assert s3.list_objects_v2(Bucket=bucket)["Contents"] == before
