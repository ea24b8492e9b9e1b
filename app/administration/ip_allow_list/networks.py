"""This module reads IP addresses and networks, counts them by site, and proposes networks for the allow list.

Plain values.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app import bounds
from app.administration.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

OF_ONE_PERSON = 64
"""The prefix of an IPv6 network in which everybody has any address that they like."""
OF_ONE_SITE = 56
"""The prefix of what many providers give to one customer."""
BITS_OF_DIGIT = 4  # hexadecimal
TOGETHER = 3
"""So many that fall into one network are proposed as that network."""


class Step(NamedTuple):
    """How a proposal is put together: what falls together within this prefix becomes one network."""

    version: int
    prefix: int


STEPS = (Step(4, 24), Step(6, OF_ONE_PERSON), Step(6, OF_ONE_SITE))
"""IPv6: a host is anywhere in its /64, and a site has several of those, up to a /56."""

_FORM = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9.]+)?")


def read_address(text: str) -> Address | None:
    """The address that a text is, None for any other. IPv4 in IPv6 is IPv4, and an IPv6 zone is left out."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


class CountedNetwork(NamedTuple):
    """A network whose failures are counted together. It may fail `times` as often as a single address."""

    text: str
    times: int


def counted_networks(text: str) -> tuple[CountedNetwork, ...]:
    """Return the networks that an address counts to, the narrowest first.

    IPv4: the address alone. IPv6: its /64, all of which one person has, and those around it (`bounds.FAILURES_OF_IPV6`)
    that a site has. The text of a network begins with that of each wider one, and no other text begins so.
    """
    known = read_address(text)
    if known is None or known.version == 4:
        return (CountedNetwork(f"{known}/32" if known else "unknown", 1),)
    digits = f"{int(known):032x}"
    return tuple(
        CountedNetwork(digits[: prefix // BITS_OF_DIGIT], times) for prefix, times in bounds.FAILURES_OF_IPV6.items()
    )


def site_of(text: str) -> str:
    """Return what an address counts as where each site has one place: an IPv4 address, or an IPv6 network."""
    known = read_address(text)
    if known is None or known.version == 4:
        return str(known or "unknown")
    return str(ipaddress.ip_network((known, OF_ONE_SITE), strict=False))


def read_network(text: str) -> Network:
    """The network that a person typed. Raises Refused, with the right one in the sentence where it can be guessed."""
    text = text.strip()
    shown = text[: bounds.NETWORK_SHOWN_LENGTH] if text.isprintable() else "That"
    try:
        if not _FORM.fullmatch(text):
            raise ValueError
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Refused(f"{shown} is no address and no network. Write it like 203.0.113.7 or 203.0.113.0/24.") from None
    network = _plain(loose)
    if network.prefixlen == 0:
        raise Refused(f"{shown} is every address there is: that would be no list. Turn the list off instead.")
    widest = bounds.NETWORK_PREFIX_MINIMUM[network.version]
    if network.prefixlen < widest:
        raise Refused(f"{shown} is too much of the internet. A network may be /{widest} at the widest.")
    try:
        ipaddress.ip_network(text)
    except ValueError:
        address = text.partition("/")[0]
        right = f"Write {shown_network(network)} for the network, or {address} for this one address."
        raise Refused(f"{shown} names an address inside of a network. {right}") from None
    return network


def shown_network(network: Network) -> str:
    """A network as it is kept and shown: a single address without a prefix."""
    is_single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_single else network)


def propose(addresses: Iterable[Address]) -> list[Network]:
    """Networks that hold all the addresses: those that fall together as one network, the others by themselves."""
    found: set[Network] = {ipaddress.ip_network(address) for address in addresses}
    for step in STEPS:
        inside: dict[Network, set[Network]] = defaultdict(set)
        for network in found:
            if network.version == step.version:
                inside[network.supernet(new_prefix=step.prefix)].add(network)
        for wider, those in inside.items():
            if len(those) >= TOGETHER:
                found = (found - those) | {wider}
    return sorted(found, key=lambda network: (network.version, network.network_address, network.prefixlen))


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """Networks in which an address is found as quickly among many as among few: by each prefix that there is."""

    networks: Sequence[Network]
    _by_prefix: Mapping[tuple[int, int], frozenset[int]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[tuple[int, int], set[int]] = defaultdict(set)
        for network in self.networks:
            shift = network.max_prefixlen - network.prefixlen
            found[network.version, shift].add(int(network.network_address) >> shift)
        object.__setattr__(self, "_by_prefix", {key: frozenset(those) for key, those in found.items()})

    @classmethod
    def of(cls, texts: Iterable[str]) -> "NetworkSet":
        """Networks as they are kept."""
        return cls([ipaddress.ip_network(text) for text in texts])

    def has(self, text: str) -> bool:
        """Whether a text is an address in one of the networks; what is no address is in none."""
        address = read_address(text)
        return address is not None and address in self

    def __contains__(self, address: Address) -> bool:
        number, version = int(address), address.version
        return any(number >> shift in those for (of, shift), those in self._by_prefix.items() if of == version)

    def holds(self, network: Network) -> bool:
        """Whether all of a network is inside of one of these."""
        return any(network.version == one.version and network.subnet_of(one) for one in self.networks)  # type: ignore[arg-type]


def _plain(network: Network) -> Network:
    """The same, where it is IPv4 written as IPv6."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
