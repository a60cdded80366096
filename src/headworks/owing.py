"""What batches may cost and what they came to: their lines are worked off, and billed, long after the call that began them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from headworks.belongings import Also
from headworks.costs import Reservation, Usage
from headworks.pending import Pending
from headworks.values import Call, Caller

Accounts = tuple[tuple[str, str], ...]
"""The budgets that something is held in, by account and period; see values.Reservation."""


class Needs(Struct, frozen=True, omit_defaults=True):
    """The most that a batch's lines for one model may use.

    Shapes: `output_tokens` is the sum of the caps that lines say, `uncapped` counts the answers without one, `tooled` the
    lines with tools. `is_open` says that something in a line has no bound.
    """

    input_bytes: int = 0
    pictures: int = 0
    tooled: int = 0
    output_tokens: int = 0
    uncapped: int = 0
    is_open: bool = False

    def and_also(self, other: Needs) -> Needs:
        """Both together."""
        return Needs(
            self.input_bytes + other.input_bytes,
            self.pictures + other.pictures,
            self.tooled + other.tooled,
            self.output_tokens + other.output_tokens,
            self.uncapped + other.uncapped,
            self.is_open or other.is_open,
        )


class Owed(Struct, frozen=True):
    """A batch whose cost is not booked yet, and where it belongs.

    Shapes: `models` are those its lines name; `day` (UTC) to `target` are what `used` is told apart by; `accounts` hold
    `held_micros` each until then, None where no budget applies. `output` is the file that tells what was used, once that is to be read. `attempt` is the number of the reservation, while this process serves.
    """

    place: str
    id: str
    models: tuple[str, ...]
    day: str
    caller_id: str
    endpoint: str
    version: int
    target: str
    held_micros: int | None = None
    accounts: Accounts = ()
    output: str | None = None
    attempt: int | None = None


class Owing(Protocol):
    """What is durably known of batches under way. Reads answer at once, as of the last commit; writes resolve when they are durable.

    Raises: RecordUnavailable (503), from reads or through the pending result.
    Safe under: the event loop's thread.
    """

    def noting(self, place: str, file: str, needs: Mapping[str, Needs]) -> Also:
        """What remembers what a file's lines need, by model; forgotten with the file."""

    def needs(self, place: str, file: str) -> Mapping[str, Needs] | None:
        """What a file's lines need; None for one whose lines were not looked at."""

    def beginning(self, owed: Owed) -> Also:
        """What remembers a batch that was begun."""

    def find(self, place: str, batch: str) -> Owed | None:
        """A batch that is not booked yet."""

    def of_output(self, place: str, file: str) -> Owed | None:
        """The batch that this file tells the use of, unless it is booked."""

    def point(self, owed: Owed, output: str) -> Pending[None]:
        """Remember which file tells what a batch used."""

    def book(self, owed: Owed, usage: Usage, cost_micros: int | None) -> Pending[bool]:
        """Book what a batch came to; False, and nothing changes, when that was done before.

        A cost that is not known leaves what was held as it is.
        """


class Purse(Protocol):
    """The money of batches; see ports.Money."""

    def hold(self, call: Call, caller: Caller, service: str, needs: Mapping[str, Needs]) -> Reservation:
        """Hold the most that lines may cost, by the service that each model is.

        Shapes: `micros` None, and nothing is held, where no budget applies.
        Raises: BudgetExhausted, PriceUnknown, RateLimited; nothing is then held.
        """

    def is_sold_whole(self, service: str) -> bool:
        """Whether a service costs the same each time, whatever is used of it."""

    def batch_micros(self, used: Mapping[str, Usage]) -> int | None:
        """What this use costs in a batch, by service; None where a price is not known."""

    def correct(self, accounts: Accounts, by_micros: int) -> None:
        """Take more than was held, or give some back, once it is known; never refuses."""
