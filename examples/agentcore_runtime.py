"""An agent in Bedrock AgentCore Runtime, whose runs are recorded like those in a Lambda.

Give the runtime a JWT authorizer with `allowedAudience`, which takes ID tokens only, and let it pass on the header
`Authorization`: AgentCore has then checked the token.
"""

import uuid
from typing import Any

import jwt
from bedrock_agentcore import BedrockAgentCoreApp, RequestContext
from strands import Agent, tool

from runcast import track

MODEL: Any = "global.anthropic.claude-sonnet-4-6"
app = BedrockAgentCoreApp()


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@app.entrypoint
async def answer(payload: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Answer a question in a run of the caller's."""
    token = (context.request_headers or {})["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    run = {"requestId": str(uuid.uuid4()), "userId": claims["sub"], "tenantId": claims.get("custom:tenantId")}
    agent = track(Agent(name="counter", model=MODEL, tools=[count_words], callback_handler=None))
    result = await agent.invoke_async(payload["question"], invocation_state={"runcast": run})
    return {"requestId": run["requestId"], "answer": str(result)}


if __name__ == "__main__":
    app.run()
