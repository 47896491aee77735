"""An agent that writes its answer word by word, so that a page can show it while it is written."""

WRITING_AGENT = '''"""Says which turn it is, word by word."""

import asyncio

from runcast import track
from strands import Agent
from strands.models import Model


class Writing(Model):
    def update_config(self, **_):
        pass

    def get_config(self):
        return {}

    def structured_output(self, *_, **__):
        raise NotImplementedError

    async def stream(self, messages, *_, **__):
        turn = sum(message["role"] == "user" for message in messages)
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        for word in f"This is the answer to question {turn} .".split():
            yield {"contentBlockDelta": {"delta": {"text": f"{word} "}}}
            await asyncio.sleep(0.2)
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


def build(run):
    return track(Agent(name="writer", model=Writing(), callback_handler=None), text=True)
'''
FUNCTIONS = ("agent_function_name", "run_starter_function_name", "progress_reader_function_name")
