"""Server-sent events back into their parts, as they come (WHATWG HTML, section 9.2)."""


class EventReader:
    """Cuts a stream of bytes into events; half an event waits for its other half."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """The events that are now whole: name ("message" when none is given) and data."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        return [event for block in blocks if (event := _event(block)) is not None]


def _event(block: bytes) -> tuple[str, bytes] | None:
    name = "message"
    lines: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value.decode()
        elif field == b"data":
            lines.append(value)
    return (name, b"\n".join(lines)) if lines else None
