"""Chalice's local gateway with API Gateway's checks and error responses.

By itself, it decodes tokens without verification and admits requests without a token. The error responses and the user
pool's keys come from the emulated AWS, so that nothing from the Terraform is defined again here.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import ForbiddenError, LocalChalice, LocalGateway, LocalGatewayAuthorizer, LocalGatewayException

from local.appsync.tokens import TokenInvalid, verified_claims
from local.chalice.deployed import DeployedApi, Refusal


class Refused(LocalGatewayException):
    """The request is answered with a refusal; the application does not see it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(dict(refusal.headers), refusal.body.encode())
        self.CODE = refusal.status


class Gateway(LocalGateway):
    """Answers requests as API Gateway and the application behind it do.

    Args:
        app: The application; it takes several requests at once from here on.
        api: What is known of the deployed API.
        now_epoch_s: The clock.
    """

    def __init__(self, app: Chalice, api: DeployedApi, *, now_epoch_s: Callable[[], float] = time.time) -> None:
        # Each thread has a separate request, as in chalice.local.create_local_server.
        app.__class__ = type("ThreadedApp", (LocalChalice, app.__class__), {})
        super().__init__(app, Config.create(chalice_app=app))
        self._api = api
        self._authorizer = _Authorizer(app, api, now_epoch_s)

    def handle_request(self, method: str, path: str, headers: dict[str, Any], body: bytes | None) -> dict[str, Any]:
        """Answer one request.

        Raises:
            Refused: The path does not exist, or not with this method, or it needs a token and has no valid one.
        """
        try:
            response: dict[str, Any] = super().handle_request(method, path, headers, body)
        except ForbiddenError as error:
            raise Refused(self._api.refusals["MISSING_AUTHENTICATION_TOKEN"]) from error
        return response


class UnloadableApp:
    """Replaces an application that cannot be loaded: each answer says why."""

    def __init__(self, reason: Exception, api: DeployedApi) -> None:
        message = f"The application cannot be loaded: {type(reason).__name__}: {reason}."
        body = json.dumps({"error": {"type": "InternalFailure", "message": message}})
        self._refusal = Refusal(500, api.refusals["DEFAULT_5XX"].headers, body)

    def handle_request(self, **_: Any) -> dict[str, Any]:
        """Refuse.

        Raises:
            Refused: Always.
        """
        raise Refused(self._refusal)


class _Authorizer(LocalGatewayAuthorizer):
    def __init__(self, app: Chalice, api: DeployedApi, now_epoch_s: Callable[[], float]) -> None:
        super().__init__(app)
        self._api = api
        self._now_epoch_s = now_epoch_s

    def authorize(self, _: str, lambda_event: dict[str, Any], lambda_context: Any) -> tuple[dict[str, Any], Any]:
        route = self._route_for_event(lambda_event)
        if route is None:
            raise Refused(self._api.refusals["MISSING_AUTHENTICATION_TOKEN"])
        # With an OpenID Connect provider, the module's API has no authorizer.
        if route.authorizer and not self._api.environment.get("OIDC"):
            claims = self._claims(lambda_event["headers"].get("authorization", ""))
            lambda_event["requestContext"]["authorizer"] = {"claims": claims}
        return lambda_event, lambda_context

    def _claims(self, authorization: str) -> dict[str, str]:
        try:
            claims = verified_claims(
                authorization, self._api.user_pool, self._api.key_set, now_epoch_s=self._now_epoch_s
            )
        except TokenInvalid as error:
            raise Refused(self._api.refusals["UNAUTHORIZED"]) from error
        # Without scopes on the method, API Gateway takes ID tokens only.
        if claims.get("token_use") != "id":
            raise Refused(self._api.refusals["UNAUTHORIZED"])
        # API Gateway passes every claim on as text.
        return {name: claim if isinstance(claim, str) else json.dumps(claim) for name, claim in claims.items()}
