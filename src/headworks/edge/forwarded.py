"""Who really calls, behind proxies: forwarding headers are believed only from configured networks."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from headworks.errors import Malformed

_LONGEST_CHAIN = 16


class Proxies:
    """The networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def has(self, address: str) -> bool:
        """Whether this address is one of the proxies."""
        if not self._networks:
            return False
        try:
            return self._trusts(_address(address))
        except ValueError:
            return False

    def origin(self, peer: str, headers: Mapping[str, str]) -> str:
        """The caller's address: the rightmost forwarded one that is not itself a proxy.

        Raises: Malformed, for a forwarded value that is not an address.
        """
        chain = headers.get("x-forwarded-for")
        if chain is None:
            return peer
        hops = chain.split(",")
        if len(hops) > _LONGEST_CHAIN:
            raise Malformed(f"X-Forwarded-For names more than {_LONGEST_CHAIN} hops")
        address: IPv4Address | IPv6Address | None = None
        for hop in reversed(hops):
            try:
                address = _address(_without_port(hop.strip()))
            except ValueError:
                raise Malformed("X-Forwarded-For must list addresses") from None
            if not self._trusts(address):
                break
        return str(address)

    def is_secure(self, headers: Mapping[str, str]) -> bool:
        """Whether the nearest proxy says that it was reached by TLS."""
        return headers.get("x-forwarded-proto", "").rsplit(",", 1)[-1].strip().lower() == "https"

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def is_loopback(address: str) -> bool:
    """Whether this is an address of the machine itself."""
    try:
        return _address(address).is_loopback
    except ValueError:
        return False


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
