"""What a connection can be doing, and how long each may take: the edge's deadlines as one table."""

from enum import Enum

from headworks.edge.limits import EdgeLimits
from headworks.units import SECOND_NS

_FOREVER_NS = 2**62


class Phase(Enum):
    """What a connection is doing, and so what may end it."""

    FRESH = "connected, silent"
    IDLE = "between requests"
    HEAD = "part of a head is there"
    BODY = "part of a body is there"
    RUNNING = "a request runs"
    SENDING = "a reply is being written"
    FLUSHING = "a reply is written and waits for the client to read it"
    LINGERING = "the last reply is written, input is dropped"
    CLOSING = "closing, or closed"


def allowed_ns(limits: EdgeLimits) -> dict[Phase, int]:
    """How long a connection may stay in each phase; a running request has its own deadline inside."""
    seconds = {
        Phase.FRESH: limits.head_timeout_s,
        Phase.IDLE: limits.idle_timeout_s,
        Phase.HEAD: limits.head_timeout_s,
        Phase.BODY: limits.request_timeout_s,
        Phase.LINGERING: limits.linger_timeout_s,
        Phase.CLOSING: limits.write_timeout_s,
    }
    return {phase: int(seconds[phase] * SECOND_NS) if phase in seconds else _FOREVER_NS for phase in Phase}
