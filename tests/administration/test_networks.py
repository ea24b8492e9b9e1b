"""Networks as a person types them, as they are held, and as they are proposed from addresses that came."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import bounds
from app.administration.errors import Refused
from app.administration.ip_allow_list.networks import STEPS, TOGETHER, propose, read_network, shown_network
from app.ip_addresses import NetworkSet, read_address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:DB8:0::/48", "2001:db8::/48"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::1"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_network_has_one_form(text: str, shown: str):
    assert shown_network(read_network(text)) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no address"),
        ("example.com", "example.com is no address"),
        ("203.0.113.0/33", "is no address"),
        ("203.0.113.7/24", "Write 203.0.113.0/24 for the network, or 203.0.113.7 for this one address"),
        ("2001:db8::7/64", "Write 2001:db8::/64 for the network, or 2001:db8::7 for this one"),
        ("0.0.0.0/0", "every address there is"),
        ("::/0", "every address there is"),
        ("0.0.0.0/1", "/8 at the widest"),
        ("2000::/3", "/16 at the widest"),
        ("\x1b[31m", "That is no address"),
        ("9" * 10_000, "is no address"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(text: str, words: str):
    with pytest.raises(Refused) as refused:
        read_network(text)
    assert words in str(refused.value) and len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("came", "proposed"),
    [
        ([], []),
        (["203.0.113.7"], ["203.0.113.7"]),
        (["203.0.113.7", "203.0.113.9"], ["203.0.113.7", "203.0.113.9"]),
        (["203.0.113.7", "203.0.113.9", "203.0.113.200", "198.51.100.1"], ["198.51.100.1", "203.0.113.0/24"]),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3"], ["2001:db8::/64"]),
        (["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"], ["2001:db8::/56"]),
        (["2001:db8:0:1::1", "2001:db8:0:101::1", "2001:db8:0:201::1"],) * 2,
        (["127.0.0.1", "::1"], ["127.0.0.1", "::1"]),
    ],
)
def test_what_falls_together_is_proposed_as_a_network(came: list[str], proposed: list[str]):
    assert [shown_network(one) for one in propose(map(ip_address, came))] == proposed


# Few different high bits, so that many addresses fall together.
NEAR_4 = st.builds(
    lambda high, low: IPv4Address(high << 8 | low), st.sampled_from((0xCB0071, 0xCB0072, 0)), st.integers(0, 255)
)
NEAR_6 = st.builds(
    lambda site, low: IPv6Address(0x20010DB8 << 96 | site << 64 | low), st.integers(0, 600), st.integers(0, 9)
)
ADDRESSES = st.sets(st.one_of(NEAR_4, NEAR_6, st.ip_addresses()), max_size=60)


@given(ADDRESSES)
def test_a_proposal_holds_all_that_came_and_little_more(came):
    came = {read_address(str(address)) for address in came}
    proposed = propose(came)
    held = NetworkSet(proposed)
    assert all(address in held for address in came)
    assert len(proposed) <= len(came)
    for network in proposed:
        inside = [address for address in came if address in network]
        assert network.prefixlen >= (24 if network.version == 4 else 56)
        assert len(inside) >= TOGETHER if network.num_addresses > 1 else len(inside) == 1
        assert not any(
            network != other and other.version == network.version and network.overlaps(other) for other in proposed
        )
        assert read_network(str(network)) == network, "what is proposed can be put on the list"


@given(ADDRESSES, st.lists(st.tuples(st.one_of(NEAR_4, NEAR_6), st.integers(8, 128)), max_size=10))
def test_a_set_holds_what_its_networks_hold(came, of):
    those = [
        ip_network((int(one), min(prefix, one.max_prefixlen)), strict=False) for one, prefix in of if int(one) >> 32
    ]
    those += [ip_network(f"{one}/{min(prefix, 32)}", strict=False) for one, prefix in of if one.version == 4]
    held = NetworkSet(those)
    for address in came:
        assert (address in held) is any(address in network for network in those)
    assert all(held.holds(network) for network in those)


def test_no_proposal_is_wider_than_may_be_allowed():
    assert all(prefix >= bounds.NETWORK_PREFIX_MINIMUM[version] for version, prefix in STEPS)
