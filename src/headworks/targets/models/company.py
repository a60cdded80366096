"""Whether what waits should go now, or let more calls join it first. No I/O, no clock, no event loop, no timer.

Rules, for a model whose batch costs much whatever is in it; to every other goes at once what waits:
- A full batch goes, and so does one whose rows already cost as much as the batch itself.
- Behind a batch that runs only a full one goes: what waits is asked for again when that one is answered.
- To an idle worker goes what waits as soon as a round of the loop brought nothing new.
- A call whose deadline is near, or that has waited long enough, holds back no longer.
"""

from headworks.targets.models.batch import CostModel
from headworks.units import MILLISECOND_NS

WORTH_NS = MILLISECOND_NS // 10
"""A batch that costs less than this is not worth a wait: a round of the loop costs a few microseconds itself."""
LONG_ENOUGH_NS = MILLISECOND_NS
"""While every round brings more, this long, or as long as an empty batch would cost, if that is more."""
NEAR_BATCHES = 2
"""A deadline is near when fewer full batches than this fit before it."""


class Company:
    """Asked once a round, or whenever a worker has room.

    Safe under: one thread.
    """

    __slots__ = ("_cost", "_most_rows", "_rows_before")

    def __init__(self, cost: CostModel, most_rows: int) -> None:
        self._cost = cost
        self._most_rows = most_rows
        self._rows_before = 0

    def is_worth_waiting_for(self, rows: int, waited_ns: int, slack_ns: int, *, is_busy: bool) -> bool:
        """Whether the waiting rows should wait on; `is_busy` says that the worker still runs another batch.

        Units: `waited_ns` of the longest wait, `slack_ns` until the nearest deadline.
        """
        cost, most_rows = self._cost, self._most_rows
        fixed_ns = cost.fixed_ns
        if fixed_ns < WORTH_NS or rows >= most_rows or cost.row_ns * rows >= fixed_ns:
            self._rows_before = 0
            return False
        if is_busy:
            return True
        has_grown = rows > self._rows_before
        is_patient = waited_ns < max(fixed_ns, LONG_ENOUGH_NS) and slack_ns > NEAR_BATCHES * cost.of_ns(most_rows)
        self._rows_before = rows if has_grown and is_patient else 0
        return has_grown and is_patient
