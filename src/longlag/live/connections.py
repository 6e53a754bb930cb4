"""Connections of the page's server: those that ask for nothing keep nobody out."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 100
"""Connections at once; a new one then closes the oldest that waits for a request."""


class Connection(H11Protocol):
    """A connection that gives way to new ones while no request of it is being answered.

    It may be idle, or have sent a part of a request.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin, and close another one where there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        others = [each for each in self.connections if isinstance(each, Connection)]
        others = [each for each in others if not each.transport.is_closing()]
        waiting = [each for each in others if each is not self and each._waits()]
        if len(others) > MOST and waiting:
            min(waiting, key=lambda each: each._since).transport.close()

    def _waits(self) -> bool:
        """Whether it waits for a request, or for the rest of one."""
        cycle = self.cycle  # None before the first
        return not cycle or cycle.response_complete
