"""Reads the deployed REST API from the emulated AWS. `chalice local` gets all of its configuration from here.

So no setting, error message or key is defined twice.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import requests

from local.stack_state import StackState


@dataclass(frozen=True)
class Refusal:
    """A response of API Gateway itself: status, headers, and a body of JSON text."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class DeployedApi:
    """The deployed API.

    Attributes:
        environment: The variables of the function behind it.
        refusals: API Gateway's own responses, by their types. user_pool: `userPoolId` and `awsRegion` of the callers'
            user pool.
        key_set: The JWKS document that their tokens are verified with.
    """

    environment: Mapping[str, str]
    refusals: Mapping[str, Refusal]
    user_pool: Mapping[str, str]
    key_set: Mapping[str, Any]

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` has written."""
        given = json.loads(text)
        refusals = {case: Refusal(**refusal) for case, refusal in given.pop("refusals").items()}
        return cls(refusals=refusals, **given)


def read_deployed_api(state: StackState) -> DeployedApi:
    """Read the REST API of a running local machine from the emulated AWS."""
    pool_id = state.outputs["user_pool_id"]
    function = state.endpoint.client("lambda").get_function_configuration(
        FunctionName=state.outputs["rest_api_function_name"]
    )
    with requests.Session() as session:
        session.trust_env = False  # The server is on this machine, so no proxy applies.
        keys = session.get(f"{state.endpoint.url}/{pool_id}/.well-known/jwks.json", timeout=10)
    keys.raise_for_status()
    return DeployedApi(
        environment=function["Environment"]["Variables"],
        refusals=_refusals(state),
        user_pool={"userPoolId": pool_id, "awsRegion": state.outputs["region"]},
        key_set=keys.json(),
    )


def _refusals(state: StackState) -> dict[str, Refusal]:
    gateway = state.endpoint.client("apigateway")
    apis = gateway.get_rest_apis(limit=500)["items"]
    api_id = next(api["id"] for api in apis if api["id"] in state.outputs["rest_url"])
    responses = gateway.get_gateway_responses(restApiId=api_id, limit=500)["items"]
    return {
        response["responseType"]: Refusal(
            status=int(response.get("statusCode", 0)),
            headers={
                name.removeprefix("gatewayresponse.header."): value.strip("'")
                for name, value in response["responseParameters"].items()
            },
            body=response["responseTemplates"]["application/json"],
        )
        for response in responses
        if not response["defaultResponse"]
    }
