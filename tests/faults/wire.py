"""A wire to PostgreSQL that can fail at a commit: before the server hears it, or after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Cut = Literal["before", "after", "silence"]

ASKED = b"COMMIT;\x00"
DONE = b"COMMIT\x00"


class Wire:
    """Carries bytes both ways. `cut` "before": the next commit is swallowed and both ends lose
    their connection; "after": the server commits, its answer is swallowed and the connection is
    lost; "silence": the answer is swallowed, and nothing is heard on this connection ever again."""

    def __init__(self, dsn: str) -> None:
        self._server = urlsplit(dsn)
        self.cut: Cut | None = None
        self.cuts = 0
        self.silent = False
        self.port = 0

    @property
    def dsn(self) -> str:
        """The address of this end of the wire."""
        user = self._server.netloc.rpartition("@")[0]
        return urlunsplit(self._server._replace(netloc=f"{user}@127.0.0.1:{self.port}"))

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side closes it or it is cut."""
        far_reader, far_writer = await asyncio.open_connection(
            self._server.hostname, self._server.port
        )
        swallow = asyncio.Event()
        with suppress(ConnectionError, asyncio.CancelledError):
            async with asyncio.TaskGroup() as group:
                ways = (
                    group.create_task(self._out(reader, far_writer, swallow)),
                    group.create_task(self._back(far_reader, writer, swallow)),
                )
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
        for end in (writer, far_writer):
            end.transport.abort()

    async def _out(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallow: asyncio.Event
    ) -> None:
        while said := await reader.read(65536):
            if self.cut is not None and ASKED in said:
                cut, self.cut = self.cut, None
                self.cuts += 1
                if cut == "before":
                    return
                self.silent = cut == "silence"
                swallow.set()
            writer.write(said)
            await writer.drain()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallow: asyncio.Event
    ) -> None:
        while said := await reader.read(65536):
            if swallow.is_set() and self.silent:
                continue
            if swallow.is_set() and DONE in said:
                return
            writer.write(said)
            await writer.drain()


@asynccontextmanager
async def open_wire(dsn: str) -> AsyncIterator[Wire]:
    """A wire in front of the server of `dsn`."""
    wire = Wire(dsn)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    yield wire
    server.close()
