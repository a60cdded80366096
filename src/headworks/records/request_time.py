"""When a request id was minted (see units.RequestIds: its first ten characters are milliseconds)."""

from headworks.units import MILLISECOND_NS

_DIGITS = {character: value for value, character in enumerate("0123456789abcdefghjkmnpqrstvwxyz")}
ID_CHARS = 26
TIME_CHARS = 10


def wall_ns_of(request_id: str) -> int | None:
    """Nanoseconds since 1970 UTC; None when this is no request id of ours."""
    if len(request_id) != ID_CHARS or not set(request_id) <= _DIGITS.keys():
        return None
    milliseconds = 0
    for character in request_id[:TIME_CHARS]:
        milliseconds = milliseconds * 32 + _DIGITS[character]
    return milliseconds * MILLISECOND_NS
