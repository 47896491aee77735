"""An agent in your own process: no Lambda, no Chalice, no deadline.

It needs AGENT_PROGRESS_TABLE, STATUS_PUBLISHER_FUNCTION to be seen live, and credentials and a region as boto3 finds
them. USER_ID and TENANT_ID say whose the run is: `sub` and `custom:tenantId` of the user's ID token.
"""

import os
import sys
import uuid

from strands import Agent, tool
from strands.models import Model

from runcast import track


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def answer(question: str, *, user_id: str, tenant_id: str, model: Model | None = None) -> str:
    """Answer a question in a run of this user's, whose requestId is printed first."""
    run = {"requestId": str(uuid.uuid4()), "userId": user_id, "tenantId": tenant_id}
    print(run["requestId"], flush=True)
    agent = track(Agent(name="counter", model=model, tools=[count_words], callback_handler=None), text=True)
    return str(agent(question, invocation_state={"runcast": run}))


if __name__ == "__main__":
    print(answer(sys.argv[1], user_id=os.environ["USER_ID"], tenant_id=os.environ["TENANT_ID"]))
