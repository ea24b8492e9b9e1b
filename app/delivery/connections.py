"""This module opens connections to hosts that administrators name, and cuts them when their time is over.

The IP address is checked when it is connected to: a name that was harmless when it was entered may have another
address now.
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import certifi

from app import bounds
from app.ip_addresses import Address, NetworkSet

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
"""The addresses at which clouds give their machines secrets, as far as they are not link-local."""
EMBEDDING = tuple(ipaddress.IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
"""The networks of IPv6 addresses that stand for the IPv4 address in their last 32 bits (RFC 4291, 2765, 6052)."""

THIS_NETWORK = NetworkSet.of(("0.0.0.0/8", "::/128"))
"""The addresses that are none of a host (RFC 1122 §3.2.1.3); by some of them a system reaches itself."""


class DeliveryError(Exception):
    """A message was not delivered. The text is a sentence for administrators, without secrets."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What connections may reach. `own_port` is the port of this server, which none may reach on this host."""

    own_port: int
    may_reach_loopback: bool


class Connections:
    """The connections of one delivery, so that another thread can cut them. Without a reach they may reach any host."""

    def __init__(self, reach: Reach | None) -> None:
        self.is_cut = False
        self._reach = reach
        self._lock = threading.Lock()
        self._copies: list[socket.socket] = []

    def open(self, host: str, port: int, only_loopback: bool = False) -> socket.socket:
        """Connect to a host; `only_loopback` refuses every other one, as for what is sent unencrypted.

        Raises DeliveryError if none of its IP addresses may be reached, and OSError.
        """
        refusal: Exception | None = None
        for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = unwrapped(ipaddress.ip_address(str(place[0]).partition("%")[0]))
            if reason := self._refusal(address, port, only_loopback):
                refusal = refusal or DeliveryError(f"{host} is not allowed: {address} {reason}")
                continue
            if self.is_cut:
                break
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(bounds.ALERT_WAIT_S)
                made.connect(place)
                self._watch(made)
                return made
            except OSError as error:
                refusal = error
                made.close()
        raise refusal or OSError("no address")

    def _watch(self, made: socket.socket) -> None:
        # A copy: TLS moves the descriptor to another object, and a shutdown reaches the connection by either.
        with self._lock:
            self._copies.append(made.dup())
        if self.is_cut:
            self.cut()

    def cut(self) -> None:
        """End all connections."""
        with self._lock:
            self.is_cut = True
            for copy in self._copies:
                with suppress(OSError):
                    copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Release what `open` has kept."""
        with self._lock:
            for copy in self._copies:
                copy.close()

    def _refusal(self, address: Address, port: int, only_loopback: bool) -> str:
        """Return why an IP address may not be reached; "" if it may."""
        if self._reach is None:
            return ""
        if address.is_link_local or address in METADATA:
            return "is an address of this network's or cloud's own services"
        if not address.is_loopback and (address in THIS_NETWORK or address.is_multicast or address.is_reserved):
            return "is not the address of a host"
        if port == self._reach.own_port and is_of_this_host(address):
            return f"port {port} is this server"
        if only_loopback and not address.is_loopback:
            return "is another host, to which nothing is sent unencrypted: use TLS"
        if address.is_loopback and not self._reach.may_reach_loopback:
            return "is this host: set alert_loopback to allow it"
        return ""


class HostConnection(HTTPConnection):
    """An HTTP connection that is one of `connections`, over TLS if there is a context; `port` None: the usual one."""

    def __init__(
        self, host: str, port: int | None, connections: Connections, context: ssl.SSLContext | None = None
    ) -> None:
        self.default_port = 443 if context else 80  # the Host header leaves it out
        # With its port: HTTPConnection reads an IPv6 address alone as a host with a port.
        super().__init__(host, port or self.default_port)
        self._connections = connections
        self._tls = context

    def connect(self) -> None:
        made = self._connections.open(self.host, self.port, only_loopback=self._tls is None)
        self.sock = self._tls.wrap_socket(made, server_hostname=self.host) if self._tls else made


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour or address.teredo:
            return address.sixtofour or address.teredo[1]  # type: ignore[index]  # one of them is there
        if int(address) > 1 and any(address in network for network in EMBEDDING):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_of_this_host(address: Address) -> bool:
    """Return whether an IP address is one of this host: only those can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


@contextmanager
def connecting(host: str, reach: Reach | None) -> Iterator[Connections]:
    """Yield the connections of one delivery to a host, which are cut after `bounds.ALERT_SEND_S`.

    A timeout of a socket applies to each received piece, so a server that sends a byte a second would never reach it.
    Raises DeliveryError instead of the errors of the network, of TLS and of protocols.
    """
    connections = Connections(reach)
    timer = threading.Timer(bounds.ALERT_SEND_S, connections.cut)
    timer.daemon = True
    timer.start()
    try:
        yield connections
    except (OSError, ValueError, EOFError, HTTPException) as error:
        if connections.is_cut:
            raise DeliveryError(f"{host} took longer than {bounds.ALERT_SEND_S} seconds") from None
        raise DeliveryError(_sentence(error, host)) from None
    finally:
        timer.cancel()
        connections.close()


def _sentence(error: Exception, host: str) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {host} is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"{host} did not complete TLS: {error.reason or 'it closed the connection'}"
        case socket.gaierror():
            return f"The host name {host} has no IP address"
        case TimeoutError():
            return f"{host} did not answer within {bounds.ALERT_WAIT_S} seconds"
        case OSError():
            return f"{host} cannot be reached: {error.strerror or error}"
    return f"{host} gave an invalid answer ({type(error).__name__})"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificates by the authorities of this system, of certifi and of a file.

    Raises DeliveryError for a file that cannot be read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ValueError):
            raise DeliveryError("ca_file: the file has no certificates, or cannot be read") from None
    return context


def printable(text: str, *secrets: str) -> str:
    """Return the beginning of a remote text as one line, without these secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text[: bounds.ALERT_ANSWER_LENGTH]
