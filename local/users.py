"""The two users of the local system, each in a different tenant.

Their passwords are generated at each start, because a password in a source file may end up in a real system.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NAMES_AND_TENANTS = (("alice", "acme"), ("bob", "globex"))


@dataclass(frozen=True)
class User:
    """Someone who can sign in.

    Attributes:
        name: The name to sign in with.
        tenant: The value of the claim `custom:tenantId`.
        user_id: The value of the claim `sub`.
        password: The password; not part of the printed form.
    """

    name: str
    tenant: str
    user_id: str
    password: str

    def __repr__(self) -> str:
        return f"User({self.name!r} of {self.tenant!r})"


def create_users(
    cognito: Any, user_pool_id: str, *, make_password: Callable[[], str] = lambda: "Aa1!" + secrets.token_urlsafe(24)
) -> list[User]:
    """Create the users in a user pool, ready to sign in.

    Args:
        cognito: A boto3 `cognito-idp` client.
        user_pool_id: The pool.
        make_password: Makes a password that the pool's policy accepts.
    """
    return [create_user(cognito, user_pool_id, name, tenant, make_password()) for name, tenant in NAMES_AND_TENANTS]


def create_user(cognito: Any, user_pool_id: str, name: str, tenant: str, password: str) -> User:
    """Create one user, ready to sign in."""
    attributes = {"email": f"{name}@example.com", "email_verified": "true", "custom:tenantId": tenant}
    created = cognito.admin_create_user(
        UserPoolId=user_pool_id,
        Username=name,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
    )
    cognito.admin_set_user_password(UserPoolId=user_pool_id, Username=name, Password=password, Permanent=True)
    given = {attribute["Name"]: attribute["Value"] for attribute in created["User"]["Attributes"]}
    return User(name=name, tenant=tenant, user_id=given["sub"], password=password)
