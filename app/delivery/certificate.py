"""This module looks at the certificate that a host presents, as a client does that verifies it."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.delivery.connections import Reach, connecting, tls_context


@dataclass(frozen=True, slots=True)
class Certificate:
    """When a certificate expires, and why a client refuses it ("" if it does not); then the time is not known."""

    expires: datetime | None
    refusal: str = ""


def look(host: str, port: int, ca_file: Path | None) -> Certificate:
    """Return what a client learns. Raises DeliveryError if the host does not complete TLS."""
    with connecting(host, Reach(own_port=0, may_reach_loopback=True)) as connections:
        context = tls_context(ca_file)
        try:
            with context.wrap_socket(connections.open(host, port), server_hostname=host) as wrapped:
                facts = wrapped.getpeercert() or {}
        except ssl.SSLCertVerificationError as error:
            return Certificate(None, error.verify_message)
        seconds = ssl.cert_time_to_seconds(str(facts["notAfter"]))
        return Certificate(datetime.fromtimestamp(seconds, UTC))
