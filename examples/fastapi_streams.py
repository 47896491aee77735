"""A web service that streams an agent's answers, each as a run of its caller. JWKS_URL has the user pool's keys."""

import os
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Header
from fastapi.responses import Response, StreamingResponse
from strands import Agent

from runcast import track

MODEL: Any = "global.anthropic.claude-sonnet-4-6"
app = FastAPI()
app.add_exception_handler(jwt.PyJWTError, lambda *_: Response(status_code=401))
keys = jwt.PyJWKClient(os.environ["JWKS_URL"])


def caller(authorization: Annotated[str, Header()]) -> dict[str, str]:
    """Return whose ID token it is, after checking it."""
    token = authorization.removeprefix("Bearer ")
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=os.environ["CLIENT_ID"])
    return {"userId": claims["sub"], "tenantId": claims.get("custom:tenantId", claims["sub"])}


@app.get("/answer")
def answer(question: str, owner: Annotated[dict[str, str], Depends(caller)]) -> StreamingResponse:
    """Stream the answer; `x-request-id` names the run."""
    run = {"requestId": str(uuid.uuid4()), **owner}
    agent = track(Agent(name="writer", model=MODEL, callback_handler=None))

    async def words() -> AsyncIterator[str]:
        async for event in agent.stream_async(question, invocation_state={"runcast": run}):
            yield event.get("data", "")

    return StreamingResponse(words(), media_type="text/plain", headers={"x-request-id": run["requestId"]})
