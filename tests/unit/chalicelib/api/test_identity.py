"""The identity of a caller, by the same test vectors as the resolvers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chalicelib.api.identity import owner_of_caller
from chalicelib.runtime.oidc import oidc_of

from runcast.errors import Unauthorized
from runcast.record.model import Owner

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "identity.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector):
    def caller():
        return owner_of_caller(
            vector["authType"],
            vector["claims"],
            user_id_claim="sub",
            tenant_id_claim="custom:tenantId",
            oidc=oidc_of(json.dumps(vector["oidc"])) if "oidc" in vector else None,
        )

    expected = vector["expected"]
    if "error" in expected:
        with pytest.raises(Unauthorized) as refused:
            caller()
        assert str(refused.value) == expected["error"]
    else:
        assert caller() == Owner(expected["tenantId"], expected["userId"])


def test_the_names_of_the_claims_are_settings():
    claims = {"token_use": "id", "email": "ana@example.com", "org": "acme", "sub": "other"}
    owner = owner_of_caller("User Pool Authorization", claims, user_id_claim="email", tenant_id_claim="org")
    assert owner == Owner("acme", "ana@example.com")


@pytest.mark.parametrize("auth_type", [None, "", "Open ID Connect Authorization", "AWS Lambda Authorization"])
def test_any_other_way_in_names_no_user(auth_type):
    claims = {"token_use": "id", "sub": "ana"}
    with pytest.raises(Unauthorized, match=r"^Sign in with an ID token: this credential names no user\.$"):
        owner_of_caller(auth_type, claims, user_id_claim="sub", tenant_id_claim="custom:tenantId")
