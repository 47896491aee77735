"""Reports a Lambda's calls to X-Ray, so that a trace continues from the API to the table.

API Gateway, AppSync and Lambda write their own segments. The calls inside a Lambda must be reported by its code: one
JSON document for each call, sent by UDP to the daemon that Lambda runs beside the function. AWS's SDK for this takes
longer to import than the rest of a small Lambda, and is in maintenance mode. Only traces that X-Ray samples are
reported. Errors are ignored here: tracing must not harm a call.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

from __future__ import annotations

import functools
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runcast.record.model import Json

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

logger = logging.getLogger(__name__)

HEADER = "X-Amzn-Trace-Id"
_KEPT = "runcast_subsegment"
_PROTOCOL = '{"format": "json", "version": 1}\n'
# The parameters that name a resource on X-Ray's map. None of them contains stored data or queries.
_RESOURCES = {"TableName": "table_name", "FunctionName": "function_name", "modelId": "model_id"}


@dataclass(frozen=True)
class Subsegment:
    """One call in flight.

    Attributes:
        document: The document for X-Ray.
        header: The trace header for the called service, which links its segments to this call.
    """

    document: Json
    header: str


@dataclass(frozen=True)
class Tracer:
    """Reports calls to X-Ray.

    Args:
        environ: The environment, in which Lambda puts each invocation's trace id and the daemon's address.
        now_seconds: The wall clock, epoch seconds.
        new_id: Creates ids of 16 hexadecimal digits.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now_seconds: Callable[[], float] = time.time
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)

    def watch(self, events: BaseEventHooks) -> None:
        """Report each call of a boto3 client, given the client's `meta.events`."""
        events.register("before-parameter-build", _harmless(self._begin))
        events.register("before-call", _harmless(self._hand_on))
        events.register("after-call", _harmless(self._answered))
        events.register("after-call-error", _harmless(self._failed))

    def open(self, name: str, namespace: str, about: Mapping[str, Any]) -> Subsegment | None:
        """Open the subsegment of a call; return None if this trace is not sampled.

        Args:
            name: The service's name or host.
            namespace: `aws` for a call by an AWS SDK, else `remote`.
            about: Additional fields of the document.
        """
        given = self.environ.get("_X_AMZN_TRACE_ID", "")
        trace = dict(part.split("=", 1) for part in given.split(";") if "=" in part)
        if trace.get("Sampled") != "1" or not {"Root", "Parent"} <= trace.keys():
            return None
        document = {
            "type": "subsegment",
            "id": self.new_id(),
            "trace_id": trace["Root"],
            "parent_id": trace["Parent"],
            "name": name,
            "namespace": namespace,
            "start_time": self.now_seconds(),
            **about,
        }
        # Keep the other parts: Lambda uses one of them to detect functions that call each other in a loop.
        header = ";".join(f"{part}={value}" for part, value in {**trace, "Parent": document["id"]}.items())
        return Subsegment(document, quote(header, safe="-=;:+&[]{}\"',"))

    def close(self, subsegment: Subsegment, *, status: int | None, throttled: bool = False) -> None:
        """Report a finished call.

        Args:
            subsegment: The call.
            status: The HTTP status; None if there was no response.
            throttled: Whether the service throttled the call.
        """
        document = {**subsegment.document, "end_time": self.now_seconds()}
        if status is not None:
            document["http"] = {**document.get("http", {}), "response": {"status": status}}
        if throttled or status == 429:
            document |= {"throttle": True, "error": True}
        elif status is None or status >= 500:
            document["fault"] = True
        elif status >= 400:
            document["error"] = True
        host, _, port = self.environ.get("AWS_XRAY_DAEMON_ADDRESS", "").rpartition(":")
        if host:
            # UDP never blocks: the kernel sends the packet or drops it. A new socket for each call costs microseconds.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
                daemon.setblocking(False)
                daemon.sendto((_PROTOCOL + json.dumps(document)).encode(), (host, int(port)))

    def _begin(self, params: Mapping[str, Any], model: Any, context: Json, **_: Any) -> None:
        about = {name: params[given] for given, name in _RESOURCES.items() if isinstance(params.get(given), str)}
        aws = {"operation": model.name, "region": context["client_region"], **about}
        context[_KEPT] = self.open(model.service_model.endpoint_prefix, "aws", {"aws": aws})

    def _hand_on(self, params: Json, context: Json, **_: Any) -> None:
        if subsegment := context.get(_KEPT):
            params["headers"][HEADER] = subsegment.header

    def _answered(self, http_response: Any, parsed: Mapping[str, Any], context: Json, **_: Any) -> None:
        if subsegment := context.get(_KEPT):
            code = str(parsed.get("Error", {}).get("Code"))
            throttled = "Throttl" in code or "ThroughputExceeded" in code
            self.close(subsegment, status=http_response.status_code, throttled=throttled)

    def _failed(self, context: Json, **_: Any) -> None:
        if subsegment := context.get(_KEPT):
            self.close(subsegment, status=None)


def _harmless(handler: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(handler)
    def caught(**arguments: Any) -> None:
        try:
            handler(**arguments)
        except Exception:
            logger.debug("a call was not traced", exc_info=True)

    return caught
