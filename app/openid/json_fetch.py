"""This module fetches one JSON object from a provider over HTTPS."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app import bounds
from app.openid.errors import ProviderCode, ProviderError
from app.openid.json_object import read_object

_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")  # RFC 3986, without "#"


def is_safe(address: object) -> bool:
    """Return whether a value is an HTTPS URL safe to request and display: bounded, with host, no user, no fragment."""
    if not isinstance(address, str) or len(address) > bounds.PROVIDER_ADDRESS_LENGTH:
        return False
    if not _CHARACTERS.fullmatch(address) or not address.startswith("https://"):
        return False
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def get(address: str, what: str, ca_file: Path | None = None) -> dict[str, Any]:
    """Return the JSON object at a URL; `what` names the answer in sentences. Raises ProviderError.

    Cookies are not kept and redirects are not followed.
    """
    if not is_safe(address):
        raise ProviderError(ProviderCode.BAD_ADDRESS)
    import requests

    from app.openid import https_transport

    with requests.Session() as session:
        https_transport.bind(session, address, what, ca_file)
        return read_object(session.get(address, headers={"Accept": "application/json"}).content)
