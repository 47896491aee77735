"""Runs the fake AppSync on a real local socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

from aiohttp import web

from tests.fakes.appsync import FakeAppSync


@asynccontextmanager
async def appsync_server() -> AsyncIterator[FakeAppSync]:
    """Run a server on a free port of 127.0.0.1 for as long as the block lasts."""
    server = FakeAppSync()
    app = web.Application()

    async def date(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(server.now_ms() / 1000, usegmt=True)

    app.on_response_prepare.append(date)
    app.router.add_post("/", server.answer)
    app.router.add_post("/graphql", server.answer)
    app.router.add_get("/graphql", server.serve_live)
    app.router.add_get("/result", server.serve_result)
    app.router.add_post("/bucket", server.take_file)
    app.router.add_post("/website", serve_page)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        server.url = f"http://127.0.0.1:{port}/graphql"
        yield server
    finally:
        server.release()
        await runner.cleanup()
        await server.stop()


async def serve_page(_: web.Request) -> web.Response:
    """Answer like a website that does not know the path."""
    return web.Response(text="<html>Welcome!</html>", content_type="text/html")
