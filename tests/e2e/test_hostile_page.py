"""A page of another origin, in a real browser: it can use what frontends use, and nothing else of the emulated AWS."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from botocore.config import Config

from tests.browser.chromium import report_of

HOST = "evil.example"
TEMPLATE = Path(__file__).with_name("page.html").read_text()
SIGNED_WITH_TEST = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=0"
)


def test_a_hostile_page(stack):
    outputs, user = stack.state.outputs, stack.state.users[0]
    iam, s3 = stack.client("iam"), stack.client("s3")
    roles = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    about = {"Bucket": outputs["results_bucket_name"], "Key": "results/page.json"}
    s3.put_object(**about, Body=b'{"found": 1}')
    signer = stack.state.endpoint.client("s3", Config(signature_version="s3v4"))
    emulator = stack.state.endpoint.url
    settings = {
        "emulator": emulator,
        "emulatorByName": f"http://{HOST}:{urlsplit(emulator).port}",
        "signedWithTest": SIGNED_WITH_TEST,
        "uses": {
            "signIn": {
                "ClientId": outputs["user_pool_client_id"],
                "AuthFlow": "USER_PASSWORD_AUTH",
                "AuthParameters": {"USERNAME": user.name, "PASSWORD": user.password},
            },
            "graphqlUrl": outputs["graphql_url"],
            "realtimeUrl": outputs["realtime_url"],
            "restUrl": outputs["rest_url"],
            "link": signer.generate_presigned_url("get_object", Params=about, ExpiresIn=600),
        },
    }

    report = report_of(TEMPLATE.replace("/* settings */ null", json.dumps(settings)), host=HOST)

    assert report["used"] == {
        "graphql": ["listAgents"],
        "rest": 200,
        "link": {"found": 1},
        "socket": "connection_ack",
    }
    # What changes nothing may be sent; a request that asks first is not sent at all.
    assert report["outcomes"].pop("request").startswith("TypeError")
    assert set(report["outcomes"].values()) == {"sent"}
    assert iam.list_users()["Users"] == []
    assert {role["RoleName"] for role in iam.list_roles()["Roles"]} == roles
