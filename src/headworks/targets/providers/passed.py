"""A body of any length on its way from a provider to a caller, held no more than a buffer of it."""

from __future__ import annotations

from headworks.costs import Usage
from headworks.errors import HeadworksError
from headworks.pending import Pending, driven
from headworks.targets.providers.hold import Ended, Source

BYTES = "application/octet-stream"
"""Whatever a body is, it is handed over as bytes: its type is said by who made it."""


class PassedStream:
    """A provider's body, piece by piece as it comes; implements values.Stream.

    The next piece is read when it is asked for, so a slow caller slows the provider. What breaks it is raised: a part is
    never given for the whole.
    Safe under: one thread.
    """

    __slots__ = ("_ended", "_is_over", "_source")

    def __init__(self, source: Source, ended: Ended) -> None:
        self._source = source
        self._ended = ended
        self._is_over = False

    def next(self) -> Pending[bytes | None]:
        """The next piece; None after the last.

        Raises: ProviderDown, ProviderTimeout, ProviderBroken, through the pending result.
        """
        return driven(self._next())

    def cancel(self) -> None:
        """Nobody wants more of it: the connection is closed."""
        self._source.cancel()
        self._end(None)

    def billed(self) -> tuple[Usage | None, int | None]:
        """See values.Stream; a body of its own costs nothing."""
        return None, 0

    async def _next(self) -> bytes | None:
        try:
            piece = await self._source.next()
        except HeadworksError as error:
            self._end(error)
            raise
        if piece is None:
            self._end(None)
        return piece

    def _end(self, error: HeadworksError | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(error, None)
