"""This module parses networks as administrators type them, and proposes networks for the IP allow list."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable

from app import bounds, ip_addresses
from app.administration.errors import Refused
from app.ip_addresses import Address, Network

TOGETHER = 3
"""The number of IP addresses in one network from which the network is proposed instead."""


STEPS = ((4, 24), (6, 64), (6, ip_addresses.SITE_PREFIX))
"""The steps of a proposal: the version, and the prefix length within which its IP addresses are combined.

IPv6: the address of a host varies in its /64, and a site has several of those, up to a /56.
"""


def read_network(text: str) -> Network:
    """Parse a network that an administrator typed. Raises Refused, with the correct form if it can be guessed."""
    text = text.strip()
    shown = text[: bounds.NETWORK_SHOWN_LENGTH] if text.isprintable() else "That"
    around = None
    try:
        network = ip_addresses.read_network(text)
    except ip_addresses.NetworkError as error:
        if error.network is None:
            sentence = f"{shown} is no address and no network. Write it like 203.0.113.7 or 203.0.113.0/24."
            raise Refused(sentence) from None
        network = around = error.network
    if network.prefixlen == 0:
        raise Refused(f"{shown} is every address there is: that would be no list. Turn the list off instead.")
    widest = bounds.NETWORK_PREFIX_MINIMUM[network.version]
    if network.prefixlen < widest:
        raise Refused(f"{shown} is too much of the internet. A network may be /{widest} at the widest.")
    if around:
        address = text.partition("/")[0]
        right = f"Write {shown_network(around)} for the network, or {address} for this one address."
        raise Refused(f"{shown} names an address inside of a network. {right}")
    return network


def shown_network(network: Network) -> str:
    """Return a network as it is stored and displayed: a single IP address has no prefix."""
    is_single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_single else network)


def propose(addresses: Iterable[Address]) -> list[Network]:
    """Return networks that cover all IP addresses: nearby ones combined, the others individually."""
    networks: set[Network] = {ipaddress.ip_network(address) for address in addresses}
    for version, prefix in STEPS:
        inside: dict[Network, set[Network]] = defaultdict(set)
        for network in networks:
            if network.version == version:
                inside[network.supernet(new_prefix=prefix)].add(network)
        for wider, narrower in inside.items():
            if len(narrower) >= TOGETHER:
                networks = (networks - narrower) | {wider}
    return sorted(networks, key=lambda network: (network.version, network.network_address, network.prefixlen))
