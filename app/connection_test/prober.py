"""This module sends the probes of the connection test from this machine, as an HTTP client of the public URL."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from app import bounds, clock
from app.connection_test.probes import ADVICE, PROBES, Finding, Outcome, Probe, judge
from app.delivery import certificate
from app.delivery.connections import DeliveryError, HostConnection, connecting, tls_context


def find(url: str, token: str, ca_file: Path | None) -> list[Finding]:
    """Return what is wrong with the way from `url` (without a trailing slash) to this server.

    After a certificate that is refused, the probes go on without verifying it: the token reveals nothing.
    """
    public = urlsplit(url)
    host = public.hostname or ""
    try:
        socket.getaddrinfo(host, public.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        return [ADVICE.finding("name-unknown", f"{host}: {error.strerror or error}")]
    context, findings = None, []
    if public.scheme == "https":
        context = tls_context(ca_file)
        findings = list(_of_certificate(host, public.port or 443, ca_file))
        if any(one.level == "failure" for one in findings):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    return findings + judge(url, token, _outcomes(url, token, context))


def _of_certificate(host: str, port: int, ca_file: Path | None) -> Iterator[Finding]:
    try:
        seen = certificate.look(host, port, ca_file)
    except (DeliveryError, OSError):
        return  # the first probe says why
    if seen.refusal:
        yield ADVICE.finding("certificate-refused", f"{host}: {seen.refusal}")
    elif seen.expires and seen.expires - clock.utc_now() < timedelta(days=max(bounds.CERTIFICATE_DAYS)):
        days = (seen.expires - clock.utc_now()).days
        yield ADVICE.finding("certificate-expires", f"{host}: the certificate expires in {days} days")


def _outcomes(url: str, token: str, context: ssl.SSLContext | None) -> Iterator[tuple[Probe, Outcome]]:
    for probe in PROBES:
        yield probe, _send(url, token, probe, context)


def _send(url: str, token: str, probe: Probe, context: ssl.SSLContext | None) -> Outcome:
    public = urlsplit(url)
    host, path = public.hostname or "", public.path + probe.path(token)
    try:
        with (
            connecting(host, None) as connections,
            closing(HostConnection(host, public.port, connections, context)) as connection,
        ):
            try:
                connection.request(probe.method, path, probe.body or None, probe.headers(token))
            except OSError:
                if connection.sock is None:
                    raise
                # A proxy may refuse and answer before it has read a body.
            response = connection.getresponse()
            text = response.read(bounds.PROBE_ANSWER_BYTES).decode(errors="replace")
            return Outcome(response.status, text, "", response.getheader("Location") or "")
    except DeliveryError as error:
        return Outcome(0, failure=str(error))
