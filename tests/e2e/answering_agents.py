"""Agents whose model computes its answer from what the user has asked in the conversation."""

FUNCTIONS = ("agent_function_name", "run_starter_function_name", "progress_reader_function_name")
# Says the pieces of `answer(asked, files)`, which an agent's source defines. `files` are those of the last message.
_MODEL = """
import asyncio

from runcast import track
from strands import Agent
from strands.models import Model


class Answering(Model):
    update_config = structured_output = None  # nobody calls them

    def get_config(self):
        return {}

    async def stream(self, messages, *_, **__):
        asked = [message["content"][0]["text"] for message in messages if message["role"] == "user"]
        files = [
            f"{block[kind]['format']} of {len(block[kind]['source']['bytes'])} bytes"
            for block in messages[-1]["content"]
            for kind in ("image", "document")
            if kind in block
        ]
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        async for piece in answer(asked, files):
            yield {"contentBlockDelta": {"delta": {"text": piece}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
"""
WRITING_AGENT = f'''"""Says which turn it is, word by word, so that a page can show its answer while it is written."""
{_MODEL}

async def answer(asked, files):
    for word in f"This is the answer to question {{len(asked)}} .".split():
        yield f"{{word}} "
        await asyncio.sleep(0.2)


def build(run):
    return track(Agent(name="writer", model=Answering(), callback_handler=None), text=True)
'''
COUNTING_AGENT = f'''"""Says how much its user has asked and what came first, which shows what it remembers."""
{_MODEL}

async def answer(asked, files):
    yield f"{{len(asked)}}, first {{asked[0]}}"


def build(run):
    return Agent(name="memory", model=Answering(), callback_handler=None)
'''
LOOKING_AGENT = f'''"""Says which files its user has attached."""
{_MODEL}
ATTACHMENTS = True


async def answer(asked, files):
    yield f"I see {{', '.join(files)}}."


def build(run):
    return Agent(name="looker", model=Answering(), callback_handler=None)
'''
