"""What a verification says."""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing that is not as it was written.

    Shapes: `seq` is the record's number; `request_id` is empty when the record itself is gone or is no call.
    """

    seq: int
    request_id: str
    what: str


class Verdict(Struct, frozen=True):
    """The result of a verification.

    Shapes: `findings` begin with the first record that is bad in itself, then what no longer fits together; twenty at most. `signed` is how many records the newest
    signed checkpoint covers; what lies beyond it is at most a second old when a service runs, and nothing after a clean stop.
    """

    records: int
    pruned: int
    signed: int
    root: str
    findings: tuple[Finding, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every record is whole, present and in order."""
        return not self.findings

    @property
    def first_bad(self) -> Finding | None:
        """The first record that is not."""
        return self.findings[0] if self.findings else None
