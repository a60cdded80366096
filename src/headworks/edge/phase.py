"""What a connection can be doing, and how long each may take: the edge's deadlines as one table."""

from enum import IntEnum

from headworks.edge.limits import EdgeLimits
from headworks.units import SECOND_NS

_FOREVER_NS = 2**62


class Phase(IntEnum):
    """What a connection is doing, and so what may end it; in this order, so that one comparison asks for several."""

    FRESH = 0
    """Connected, silent."""
    IDLE = 1
    """Between two requests."""
    HEAD = 2
    """Part of a head is there."""
    BODY = 3
    """Part of a body is there."""
    RUNNING = 4
    """A request runs; what comes is read ahead."""
    SENDING = 5
    """A reply is being written."""
    FLUSHING = 6
    """A reply is written and waits for the client to read it."""
    LINGERING = 7
    """The last reply is written; what comes is dropped."""
    CLOSING = 8
    """Closing, or closed."""


WEBSOCKET = "websocket"
STATES = ("idle", "idle", "receiving", "receiving", "running", "sending", "sending", "closing", "closing")
"""What each phase is counted as, by its number."""
EVERY_STATE = (*dict.fromkeys(STATES), WEBSOCKET)


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
