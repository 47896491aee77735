"""Runs handlers in MiniStack's evaluator, because that is what runs the resolvers on one machine.

Run by MiniStack's own interpreter. It reads a JSON list of ``{"code", "handler", "context"}`` from standard input and
writes a JSON list of ``{"value"}`` or ``{"error": {"type", "message", "info"?}}`` in the same order. MiniStack cannot
state the clock or the caller's authorisation, and drops subscription filters here.
"""

import json
import sys

from ministack.core import appsync_js


def evaluate(call):
    try:
        _, value, *_ = appsync_js.evaluate(call["code"], call["handler"], {"identity": None, **call["context"]})
    except appsync_js.AppSyncJsError as error:
        info = {"info": error.error_info} if error.error_info else {}
        return {"error": {"type": error.error_type, "message": str(error), **info}}
    return {"value": value}


if __name__ == "__main__":
    try:
        json.dump([evaluate(call) for call in json.load(sys.stdin)], sys.stdout)
    finally:
        appsync_js.reset()
