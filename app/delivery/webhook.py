"""This module sends one HTTP request to a URL that an administrator named.

Its signature has the form of Standard Webhooks 1.0. No redirect is followed, and no proxy is used: the IP address of
the receiver could not be checked behind one.
"""

import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from app import bounds
from app.delivery.connections import HostConnection, Reach, connecting, printable, tls_context
from app.ip_addresses import split_host

SECRET_PREFIX = "whsec_"
GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a receiver: its status, the beginning of its text, and the value of Retry-After ("" if none)."""

    status: int
    text: str
    retry_after: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def retry_after_s(self, now: datetime) -> float:
        """Return how long the receiver asks to wait, at most `bounds.ALERT_RETRY_AFTER_S` (RFC 9110 §10.2.3)."""
        wait_s = 0.0
        if self.retry_after.isascii() and self.retry_after.isdigit():
            wait_s = float(self.retry_after[: bounds.NUMBER_DIGITS])
        elif self.retry_after:
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                wait_s = (parsedate_to_datetime(self.retry_after) - now).total_seconds()
        return min(max(wait_s, 0.0), bounds.ALERT_RETRY_AFTER_S)


def exchange(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, reach: Reach, ca_file: Path | None
) -> Answer:
    """Send a request and return the answer, of which little is read. Raises DeliveryError if there is none."""
    parts = urlsplit(url)
    host, port = split_host(parts.netloc) or ("", None)
    is_tls = parts.scheme == "https"
    with connecting(host, reach) as connections:
        context = tls_context(ca_file) if is_tls else None
        connection = HostConnection(host, port, connections, context)
        try:
            path = parts.path or "/"
            connection.request(method, f"{path}?{parts.query}" if parts.query else path, body, dict(headers))
            response = connection.getresponse()
            content = response.read(bounds.ALERT_ANSWER_BYTES).decode("utf-8", "replace")
            text = printable(content, *_secrets(parts))
            return Answer(response.status, text, response.getheader("Retry-After", "").strip())
        finally:
            connection.close()


def _secrets(url: SplitResult) -> list[str]:
    """Return what an answer may repeat of a URL, which is a secret itself."""
    whole = f"{url.path}?{url.query}" if url.query else url.path
    parts = [whole, *re.split("[/?&=]", whole)]
    return [text for part in parts if len(part) >= bounds.ALERT_SECRET_LENGTH for text in (part, unquote(part))]


def signature(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the header fields of a signed message. `at` is the time of this attempt; the id stays that of the first.

    `secret` is `whsec_` and base64.
    """
    seconds = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    digest = hmac.digest(key_of(secret), signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def key_of(secret: str) -> bytes:
    """Return the key in a secret. Raises ValueError for a text of another form."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"no {SECRET_PREFIX}")
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
