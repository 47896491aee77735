"""A `requests` session that reports its requests to X-Ray; the publisher uses it for AppSync.

This is separate from `chalicelib.runtime.tracing` so that only the publisher imports `requests`.
"""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlsplit

import requests

from chalicelib.runtime.tracing import HEADER, Subsegment, Tracer


class TracedSession(requests.Session):
    """Sends requests as part of the invocation's trace.

    Args:
        tracer: Reports to X-Ray.
    """

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a signed request. The signature does not cover the trace header, which is added here."""
        subsegment: Subsegment | None = None
        with contextlib.suppress(Exception):
            subsegment = self._tracer.open(
                str(urlsplit(request.url).hostname),
                "remote",
                {"http": {"request": {"method": request.method, "url": request.url}}},
            )
        if subsegment is None:
            return super().send(request, **options)
        request.headers[HEADER] = subsegment.header
        status = None
        try:
            response = super().send(request, **options)
            status = response.status_code
            return response
        finally:
            with contextlib.suppress(Exception):
                self._tracer.close(subsegment, status=status)
