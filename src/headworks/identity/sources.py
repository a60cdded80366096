"""Failed authentication by where it comes from, so that guessing and broken clients are slowed and seen."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from headworks.units import SECOND_NS

MOST_SOURCES = 4096
FAILURES_AT_ONCE = 20
FAILURE_NS = 3 * SECOND_NS


class FailedSources:
    """Counts failures by source prefix (/24, /64): 20 at once, then one every 3 s, is what a source may fail.

    A right key is never refused for its neighbours' failures: a secret of 256 bits cannot be guessed, and locking out
    a whole network would hand that power to whoever shares it. Beyond the bound the answer is 429 in place of 401.

    Bounded: the source that failed longest ago is forgotten first.
    """

    def __init__(self, most_sources: int = MOST_SOURCES) -> None:
        self._most_sources = most_sources
        self._due_ns: OrderedDict[str, int] = OrderedDict()

    def failed(self, peer: str, now_ns: int) -> int:
        """Note one failure; nanoseconds until the source may fail again, 0 while it is within its bound."""
        source = source_prefix(peer)
        due_ns = max(now_ns, self._due_ns.pop(source, now_ns)) + FAILURE_NS
        wait_ns = due_ns - now_ns - FAILURES_AT_ONCE * FAILURE_NS
        self._due_ns[source] = due_ns if wait_ns <= 0 else due_ns - FAILURE_NS
        if len(self._due_ns) > self._most_sources:
            self._due_ns.popitem(last=False)
        return max(0, wait_ns)

    def __len__(self) -> int:
        return len(self._due_ns)


def source_prefix(peer: str) -> str:
    """The network a peer is counted under: /24 of IPv4 (mapped or not), /64 of IPv6, else the text itself."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer[:64]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return f"{IPv6Address(int(address) >> 64 << 64)}/64"
        address = address.ipv4_mapped
    return f"{str(address).rpartition('.')[0]}.0/24"
