"""What one connection holds of requests that are not whole, counted with what all others hold."""

from headworks.edge.gate import Gate
from headworks.edge.head import SMALL_BYTES
from headworks.errors import Overloaded


class Held:
    """Bytes held for one connection.

    Safe under: one thread, the loop's.
    """

    __slots__ = ("_gate", "size_bytes")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.size_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """So many bytes are held now.

        Raises: Overloaded, when all connections together hold too many.
        """
        gate = self._gate
        gate.buffered_bytes += size_bytes - self.size_bytes
        self.size_bytes = size_bytes
        if gate.buffered_bytes > gate.limits.max_buffered_bytes and size_bytes > SMALL_BYTES:
            raise Overloaded("Too many bytes of unfinished requests are held", retry_after_s=1)

    def release(self) -> None:
        """Nothing is held any more."""
        self._gate.buffered_bytes -= self.size_bytes
        self.size_bytes = 0
