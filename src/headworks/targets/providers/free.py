"""The money of what costs nothing: no budget is asked, and nothing is spent."""

from headworks.costs import Reservation, Settlement, Usage
from headworks.values import Call, Caller, Endpoint, Quota


class Free:
    """Implements ports.Money for calls that no provider bills, such as looking at what it keeps."""

    def check(self, caller: Caller, endpoint: Endpoint) -> None:
        """See ports.Money; nothing is refused."""

    def reserve(self, call: Call, caller: Caller, service: str, added_tokens: int = 0) -> Reservation:
        """See ports.Money; nothing is held."""
        return Reservation(0, 0, service=service)

    def left(self, caller: Caller, endpoint: Endpoint) -> tuple[Quota, ...]:
        """See ports.Money; no rate counts it."""
        return ()

    def settle(self, reservation: Reservation, usage: Usage | None, *, is_free: bool = False) -> Settlement:
        """See ports.Money; it came to nothing."""
        return Settlement(reservation, 0)


FREE = Free()
