"""This module makes the tokens of the connection test: signed by the data folder's secret, valid for minutes.

A token allows its bearer to see what arrived of its own request, and nothing else.
"""

import hashlib
import hmac
import re
import time

from app import bounds

PATH = "/connection-test/"
"""What is before the token in the path of a probe, below the SCIM root."""
TEST_HEADER = "X-Recnice-Test"
"""The header that shows how long one may be."""

_PROBE = re.compile(PATH + r"([0-9a-f]{10})-([0-9a-f]{64})(?:/(401|404|503))?\Z", re.ASCII)


def make(secret: bytes) -> str:
    """Return a new token, which is valid for `bounds.PROBE_TOKEN_S`."""
    until = f"{int(time.time()) + bounds.PROBE_TOKEN_S:010x}"
    return f"{until}-{_signature(secret, until)}"


def read(secret: bytes, path: str) -> tuple[str, int] | None:
    """Return the valid token in a path and the status that the probe asks for; None for any other path.

    What is before `/connection-test/` does not matter, since a proxy may have removed it.
    """
    match = _PROBE.search(path) if PATH in path else None
    if match is None or not hmac.compare_digest(match[2], _signature(secret, match[1])):
        return None
    if not 0 <= int(match[1], 16) - time.time() <= bounds.PROBE_TOKEN_S:
        return None
    return f"{match[1]}-{match[2]}", int(match[3] or 200)


def _signature(secret: bytes, until: str) -> str:
    return hmac.digest(secret, b"recnice connection test " + until.encode(), hashlib.sha256).hex()
