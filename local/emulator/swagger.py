"""Builds a REST API from a Swagger document, as API Gateway's import does.

MiniStack accepts the document and ignores it, but has the operations that build an API piece by piece. Chalice
describes its routes in one document, which Terraform passes on, so this module converts it into those operations. It
supports what Chalice writes: functions behind `aws_proxy`, CORS answers by `mock`, Cognito authorizers, gateway
responses, a policy, binary media types. Other authorizers and integrations are refused before anything changes.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Call = Callable[[str, str, Mapping[str, Any] | None], Awaitable[dict[str, Any]]]
"""One operation of the control plane: HTTP method, path, body -> answer. Raises `ImportRefused` when it is refused."""

_ANY = "x-amazon-apigateway-any-method"
_VERBS = {"delete", "get", "head", "options", "patch", "post", "put"}
_INTEGRATIONS = {"aws_proxy", "mock"}
_NO_AUTHORIZER = "NONE"


class ImportRefused(Exception):
    """The document cannot be imported; the message says why."""


@dataclass(frozen=True)
class _Method:
    """One operation of the document."""

    path: str
    verb: str
    operation: Mapping[str, Any]
    authorizer: str | None
    scopes: list[str]

    @property
    def integration(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.operation["x-amazon-apigateway-integration"]
        return found


class Definition:
    """A document with supported content only."""

    def __init__(self, body: bytes) -> None:
        """Reads the document.

        Raises:
            ImportRefused: it is not Swagger 2.0, or has unsupported content.
        """
        try:
            self._document = json.loads(body)
        except ValueError as invalid:
            raise ImportRefused(f"the document is not JSON: {invalid}") from invalid
        if not isinstance(self._document, dict) or self._document.get("swagger") != "2.0":
            raise ImportRefused("only Swagger 2.0 is carried")
        self._authorizers = dict(_authorizers(self._document))
        self._methods = [
            _method(path, verb, operation, self._document, self._authorizers)
            for path, operations in self._document.get("paths", {}).items()
            for verb, operation in operations.items()
            if verb in _VERBS | {_ANY}
        ]

    @property
    def title(self) -> str:
        """The name the document gives its API."""
        return str(self._document.get("info", {}).get("title", "unnamed"))

    async def overwrite(self, call: Call, api_id: str) -> None:
        """Changes an existing API to the one described. Its deployments and stages stay, and serve the new API.

        Raises:
            ImportRefused: there is no such API, or the emulator refuses a part of it.
        """
        api = f"/restapis/{api_id}"
        await call("GET", api, None)
        await _clear(call, api)
        await self._describe(call, api)
        authorizers = {
            name: (await call("POST", f"{api}/authorizers", settings))["id"]
            for name, settings in self._authorizers.items()
        }
        resources = {item["path"]: item["id"] for item in (await call("GET", f"{api}/resources", None))["item"]}
        for method in self._methods:
            resource = await _resource(call, api, resources, method.path)
            await _put_method(call, f"{api}/resources/{resource}/methods/{method.verb}", method, authorizers)
        for kind, response in self._document.get("x-amazon-apigateway-gateway-responses", {}).items():
            await call("PUT", f"{api}/gatewayresponses/{kind}", response)

    async def _describe(self, call: Call, api: str) -> None:
        values = {
            "/name": self.title,
            "/description": self._document.get("info", {}).get("description", ""),
            # In process this is a list, as MiniStack keeps it; a patch from outside would make it something else.
            "/binaryMediaTypes": self._document.get("x-amazon-apigateway-binary-media-types", []),
        }
        policy = self._document.get("x-amazon-apigateway-policy")
        if policy:
            values["/policy"] = json.dumps(policy)
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        await call("PATCH", api, {"patchOperations": operations})


def _authorizers(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, definition in document.get("securityDefinitions", {}).items():
        authorizer = definition.get("x-amazon-apigateway-authorizer", {})
        if authorizer.get("type") != "cognito_user_pools":
            raise ImportRefused(f"securityDefinitions.{name}: only authorizers of type cognito_user_pools are carried")
        yield (
            name,
            {
                "name": name,
                "type": "COGNITO_USER_POOLS",
                "providerARNs": authorizer["providerARNs"],
                "identitySource": f"method.request.header.{definition['name']}",
            },
        )


def _method(
    path: str,
    verb: str,
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    authorizers: Mapping[str, Any],
) -> _Method:
    kind = operation.get("x-amazon-apigateway-integration", {}).get("type")
    if kind not in _INTEGRATIONS:
        raise ImportRefused(f"{verb} {path}: only integrations of type aws_proxy or mock are carried, not {kind}")
    security = operation.get("security", document.get("security", []))
    named = [(name, scopes) for requirement in security for name, scopes in requirement.items()]
    unknown = [name for name, _ in named if name not in authorizers]
    if unknown or len(named) > 1:
        raise ImportRefused(f"{verb} {path}: security must name one of the securityDefinitions, or none")
    name, scopes = named[0] if named else (None, [])
    return _Method(path, "ANY" if verb == _ANY else verb.upper(), operation, name, scopes)


async def _clear(call: Call, api: str) -> None:
    """Removes everything that a document can describe."""
    for resource in (await call("GET", f"{api}/resources", None))["item"]:
        place = f"{api}/resources/{resource['id']}"
        if resource["path"] != "/":
            await call("DELETE", place, None)
        else:
            for verb in list(resource["resourceMethods"]):
                await call("DELETE", f"{place}/methods/{verb}", None)
    for authorizer in (await call("GET", f"{api}/authorizers", None))["item"]:
        await call("DELETE", f"{api}/authorizers/{authorizer['id']}", None)
    for response in (await call("GET", f"{api}/gatewayresponses", None))["item"]:
        if not response["defaultResponse"]:
            await call("DELETE", f"{api}/gatewayresponses/{response['responseType']}", None)


async def _resource(call: Call, api: str, resources: dict[str, str], path: str) -> str:
    """Returns the id of a path's resource; creates it and its missing parents."""
    if path not in resources:
        parent, _, part = path.rpartition("/")
        parent_id = await _resource(call, api, resources, parent or "/")
        created = await call("POST", f"{api}/resources/{parent_id}", {"pathPart": part})
        resources[path] = created["id"]
    return resources[path]


async def _put_method(call: Call, place: str, method: _Method, authorizers: Mapping[str, str]) -> None:
    authorization: dict[str, Any] = {"authorizationType": _NO_AUTHORIZER}
    if method.authorizer:
        authorization = {
            "authorizationType": "COGNITO_USER_POOLS",
            "authorizerId": authorizers[method.authorizer],
            "authorizationScopes": method.scopes,
        }
    await call("PUT", place, authorization)
    for status, response in method.operation.get("responses", {}).items():
        headers = {f"method.response.header.{name}": False for name in response.get("headers", {})}
        await call("PUT", f"{place}/responses/{status}", {"responseParameters": headers})
    integration = method.integration
    upper = ("type", "passthroughBehavior", "contentHandling")
    named = (*upper, "httpMethod", "uri", "requestTemplates", "timeoutInMillis")
    settings = {name: integration[name] for name in named if name in integration}
    await call(
        "PUT",
        f"{place}/integration",
        {name: value.upper() if name in upper else value for name, value in settings.items()},
    )
    for pattern, response in integration.get("responses", {}).items():
        settings = {**response, "selectionPattern": "" if pattern == "default" else pattern}
        await call("PUT", f"{place}/integration/responses/{response['statusCode']}", settings)
