"""This module reads IP addresses, networks and host names with ports, and counts addresses by site.

One form of each: IPv4 written as IPv6 is IPv4, and the zone of an IPv6 address is left out.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app import bounds

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SITE_PREFIX = 56
"""The prefix of the IPv6 network that many providers give to one customer."""

_BITS_PER_DIGIT = 4  # hexadecimal
_MAPPED_PREFIX = 96  # of the IPv6 network that holds IPv4 (RFC 4291 §2.5.5.2)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_ZONE = re.compile(r"%[^/\s]+")


class NetworkError(ValueError):
    """A text is no network. `network`: the one around it, where the text names an address inside of a network."""

    def __init__(self, network: Network | None = None) -> None:
        super().__init__("expected an address or a network")
        self.network = network


def split_host(text: str) -> tuple[str, int | None] | None:
    """Return a host, an IPv6 address without its brackets, and its port; None for any other text."""
    parts = _HOST.fullmatch(text)
    return (parts[1] or parts[2], int(parts[3]) if parts[3] else None) if parts else None


def read_address(text: str) -> Address | None:
    """Return the address that a text is, with or without a port (IIS forwards one); None for any other text."""
    host = split_host(text)
    try:
        address = ipaddress.ip_address(host[0] if host else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or type(address)(int(address))


def read_network(text: str) -> Network:
    """Return the network, or the single address as a network, that a text is. Raises NetworkError."""
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
    """A network whose failures are counted together. It may fail `times` as often as a single address."""

    text: str
    times: int


def counted_networks(text: str) -> tuple[CountedNetwork, ...]:
    """Return the networks that an address counts to, the narrowest first.

    IPv4: the address alone. IPv6: its /64, all of which one person has, and those around it (`bounds.FAILURES_OF_IPV6`)
    that a site has. The text of a network begins with that of each wider one, and no other text begins so.
    """
    address = read_address(text)
    if address is None or address.version == 4:
        return (CountedNetwork(f"{address}/32" if address else "unknown", 1),)
    digits = f"{int(address):032x}"
    return tuple(
        CountedNetwork(digits[: prefix // _BITS_PER_DIGIT], times) for prefix, times in bounds.FAILURES_OF_IPV6.items()
    )


def site_of(text: str) -> str:
    """Return what an address counts as where each site has one place: an IPv4 address, or an IPv6 network."""
    address = read_address(text)
    if address is None or address.version == 4:
        return str(address or "unknown")
    return str(ipaddress.ip_network((address, SITE_PREFIX), strict=False))


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """Networks in which an address is found as quickly among many as among few: by each prefix that there is."""

    networks: Sequence[Network]
    _by_prefix: Mapping[tuple[int, int], frozenset[int]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        numbers: dict[tuple[int, int], set[int]] = defaultdict(set)
        for network in self.networks:
            shift = network.max_prefixlen - network.prefixlen
            numbers[network.version, shift].add(int(network.network_address) >> shift)
        object.__setattr__(self, "_by_prefix", {key: frozenset(those) for key, those in numbers.items()})

    @classmethod
    def of(cls, texts: Iterable[str]) -> "NetworkSet":
        """Return the set of networks that are given as text in their one form."""
        return cls([ipaddress.ip_network(text) for text in texts])

    def has(self, text: str) -> bool:
        """Return whether a text is an address in one of the networks; what is no address is in none."""
        address = read_address(text)
        return address is not None and address in self

    def __contains__(self, address: Address) -> bool:
        number, version = int(address), address.version
        return any(number >> shift in those for (of, shift), those in self._by_prefix.items() if of == version)

    def holds(self, network: Network) -> bool:
        """Return whether all of a network is inside of one of these."""
        return any(network.version == one.version and network.subnet_of(one) for one in self.networks)  # type: ignore[arg-type]
