"""Every way to ask, by operation: what the routes that call an endpoint speak, and how errors are told there."""

from collections.abc import Mapping

from headworks.dialects.native.way import Native
from headworks.ports import Dialect, Refusal
from headworks.routes import CALL, FORWARD


def dialects() -> Mapping[str, Dialect]:
    """What reads and writes each operation that calls an endpoint."""
    native = Native()
    return {CALL: native, FORWARD: native}


def refusals() -> Mapping[str, Refusal]:
    """How errors are told where clients expect another form than problem documents."""
    return {}
