"""This module parses IP addresses, networks and host names with ports, and groups IP addresses by site.

Results are normalized: an IPv4-mapped IPv6 address becomes IPv4, and the zone of an IPv6 address is removed.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from app import bounds

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SITE_PREFIX = 56
"""The prefix length of the IPv6 network that many internet providers assign to one customer."""

_BITS_PER_DIGIT = 4  # hexadecimal
_MAPPED_PREFIX = 96  # of the IPv6 network of IPv4-mapped addresses (RFC 4291 §2.5.5.2)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|((?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?))(?::([0-9]{1,5}))?")
"""A host with or without a port. A label of 64 or more characters (RFC 1035 §2.3.4), or none, has no IP address."""
_ZONE = re.compile(r"%[^/\s]+")


class NetworkError(ValueError):
    """A text is not a network. `network`: the one around an IP address with a prefix (192.0.2.7/24), otherwise None."""

    def __init__(self, network: Network | None = None) -> None:
        super().__init__("expected an address or a network")
        self.network = network


def split_host(text: str) -> tuple[str, int | None] | None:
    """Return a host (an IPv6 address without its brackets) and its port; None for any other text."""
    parts = _HOST.fullmatch(text)
    return (parts[1] or parts[2], int(parts[3]) if parts[3] else None) if parts else None


@lru_cache(bounds.ADDRESSES_REMEMBERED)
def read_address(text: str) -> Address | None:
    """Parse an IP address with or without a port, which IIS forwards; None for any other text."""
    host = split_host(text)
    try:
        address = ipaddress.ip_address(host[0] if host else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or type(address)(int(address))


def read_network(text: str) -> Network:
    """Parse a network, or a single IP address as a network. Raises NetworkError."""
    try:
        interface = ipaddress.ip_interface(_ZONE.sub("", text, count=1))
    except ValueError:
        raise NetworkError from None
    network: Network = interface.network
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _MAPPED_PREFIX:
        mapped = network.network_address.ipv4_mapped
        network = ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX)) if mapped else network
    if interface.ip != interface.network.network_address:
        raise NetworkError(network)
    return network


class CountedNetwork(NamedTuple):
    """A network whose failures are counted together. It may fail `times` as often as a single IP address."""

    text: str
    times: int


def counted_networks(text: str) -> tuple[CountedNetwork, ...]:
    """Return the networks to which the failures of an IP address count, the narrowest first.

    IPv4: only the address. IPv6: its /64, which one client can use completely, and the wider networks of a site
    (`bounds.FAILURES_OF_IPV6`). The text of a network begins with the text of each wider one, and no other text does.
    """
    address = read_address(text)
    if address is None or address.version == 4:
        return (CountedNetwork(f"{address}/32" if address else "unknown", 1),)
    digits = f"{int(address):032x}"
    return tuple(
        CountedNetwork(digits[: prefix // _BITS_PER_DIGIT], times) for prefix, times in bounds.FAILURES_OF_IPV6.items()
    )


def site_of(text: str) -> str:
    """Return the site of an IP address as text: the IPv4 address itself, or the IPv6 network of SITE_PREFIX."""
    address = read_address(text)
    if address is None or address.version == 4:
        return str(address or "unknown")
    return str(ipaddress.ip_network((address, SITE_PREFIX), strict=False))


@dataclass(frozen=True)
class NetworkSet:
    """A set of networks. The time of a lookup depends on the number of prefix lengths, not of networks."""

    networks: Sequence[Network]

    @cached_property
    def _by_prefix(self) -> Mapping[tuple[int, int], set[int]]:
        numbers: dict[tuple[int, int], set[int]] = defaultdict(set)
        for network in self.networks:
            shift = network.max_prefixlen - network.prefixlen
            numbers[network.version, shift].add(int(network.network_address) >> shift)
        return numbers

    @classmethod
    def of(cls, texts: Iterable[str]) -> "NetworkSet":
        """Return the set of networks that are given as normalized text."""
        return cls([ipaddress.ip_network(text) for text in texts])

    def has(self, text: str) -> bool:
        """Return whether a text is an IP address in one of the networks; False for any other text."""
        address = read_address(text)
        return address is not None and address in self

    def __contains__(self, address: Address) -> bool:
        number, version = int(address), address.version
        return any(number >> shift in those for (of, shift), those in self._by_prefix.items() if of == version)

    def holds(self, network: Network) -> bool:
        """Return whether a network is completely inside one of these."""
        return any(network.version == one.version and network.subnet_of(one) for one in self.networks)  # type: ignore[arg-type]
