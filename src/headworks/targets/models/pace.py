"""How fast rows really leave, whatever holds them up: the model, the channel or this process itself."""

SHARE = 8
"""One observation in so many is forgotten; kept whole, so that no float creeps in."""


class Pace:
    """Nanoseconds a row, observed from answer to answer while there was always something to answer.

    Cost: below a microsecond an answer.
    """

    __slots__ = ("_answered_ns", "row_ns")

    def __init__(self) -> None:
        self.row_ns = 0
        self._answered_ns = 0

    def answered(self, rows: int, now_ns: int, took_ns: int, *, is_busy: bool) -> None:
        """Note rows that were answered now, so long after they were sent; `is_busy` says that others still wait or run.

        No pace is slower than the last rows were: else a pause of the whole machine would be believed for ever, for
        a pool that lets one call in at a time has nothing to learn a pace from.
        """
        if self._answered_ns:
            seen_ns = (now_ns - self._answered_ns) // rows
            self.row_ns += (seen_ns - self.row_ns) // SHARE
        self.row_ns = min(self.row_ns, took_ns // rows)
        self._answered_ns = now_ns if is_busy else 0
