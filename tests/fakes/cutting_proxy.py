"""A proxy to a local server that cuts WebSockets on demand and passes plain requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class CuttingProxy:
    """The proxy's connections. Make it with `cutting_proxy()`.

    Attributes:
        port: Where it listens.
        opened: How many WebSockets have come through so far.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.opened = 0
        self._target = host, port
        self._sockets: set[asyncio.StreamWriter] = set()

    def cut(self) -> int:
        """Break every WebSocket, without a closing handshake; return how many."""
        cut = [socket for socket in self._sockets if not socket.is_closing()]
        for socket in cut:
            socket.transport.abort()
        return len(cut)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, for as long as either side keeps it."""
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                server_writer.write(head)
                if b"upgrade: websocket" in head.lower():
                    self.opened += 1
                    self._sockets.add(writer)
                await asyncio.gather(_carry(reader, server_writer), _carry(server_reader, writer))
        finally:
            self._sockets.discard(writer)
            for each in (writer, server_writer):
                each.transport.abort()


@asynccontextmanager
async def cutting_proxy(host: str, port: int) -> AsyncIterator[CuttingProxy]:
    """Listen on a free port of 127.0.0.1 during the block, and forward to that server."""
    proxy = CuttingProxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    # The other direction ends with this one: neither side leaves a connection half open.
    writer.transport.abort()
