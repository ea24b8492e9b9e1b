"""Addresses, networks and hosts in each form in which they arrive."""

import pytest

from app.ip_addresses import (
    NetworkError,
    NetworkSet,
    counted_networks,
    read_address,
    read_network,
    site_of,
    split_host,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("203.0.113.7:80", "203.0.113.7"),
    ],
)
def test_an_address_has_one_form(text: str, address: str):
    assert str(read_address(text)) == address


@pytest.mark.parametrize(
    "text", ["", "x", "203.0.113", "203.0.113.7/32", "203.0.113.7:x", "[::1", "0x7f.1", "\x00", "unix:"]
)
def test_what_is_no_address(text: str):
    assert read_address(text) is None
    assert not NetworkSet.of(["203.0.113.0/24"]).has(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.5", "10.0.0.5/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::/0", "::/0"),
        ("fe80::1%eth0", "fe80::1/128"),
        ("fe80::%eth0/64", "fe80::/64"),
    ],
)
def test_a_network_has_one_form(text: str, network: str):
    assert str(read_network(text)) == network


@pytest.mark.parametrize(
    ("text", "around"),
    [
        *(
            (text, None)
            for text in ("", "x", " 10.0.0.5", "10.0.0.5:80", "[::1]", "10.0.0.0/33", "fe80::1%", "9" * 999)
        ),
        ("10.0.0.5/24", "10.0.0.0/24"),
        ("::ffff:10.0.0.5/120", "10.0.0.0/24"),
        ("fe80::1%eth0/64", "fe80::/64"),
    ],
)
def test_what_is_no_network(text: str, around: str | None):
    with pytest.raises(NetworkError) as error:
        read_network(text)
    assert str(error.value.network) == str(around)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", ("localhost", None)),
        ("scim.example.com:443", ("scim.example.com", 443)),
        ("[::1]:0", ("::1", 0)),
        *((text, None) for text in ("", "::1", "a:b", "a:", ":80", "[::1", "a b", "a:123456", "user@a", "a/b")),
    ],
)
def test_a_host_may_have_a_port(text: str, host: tuple[str, int | None] | None):
    assert split_host(text) == host


@pytest.mark.parametrize(
    ("address", "texts", "site"),
    [
        ("192.0.2.1", ["192.0.2.1/32"], "192.0.2.1"),
        ("::ffff:192.0.2.1", ["192.0.2.1/32"], "192.0.2.1"),
        ("2001:db8:1:2345::9", ["20010db800012345", "20010db8000123", "20010db80001"], "2001:db8:1:2300::/56"),
        ("fe80::1%eth0", ["fe80000000000000", "fe800000000000", "fe8000000000"], "fe80::/56"),
        ("", ["unknown"], "unknown"),
    ],
)
def test_an_address_counts_to_the_networks_around_it(address: str, texts: list[str], site: str):
    counted = counted_networks(address)
    assert [one.text for one in counted] == texts
    assert all(counted[0].text.startswith(one.text) for one in counted), "a wider one is the beginning"
    assert site_of(address) == site
