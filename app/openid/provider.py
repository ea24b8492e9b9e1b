"""This module identifies a provider and reads its discovery document.

OpenID Connect Discovery 1.0 §4; for Entra also the rule that all endpoints are on the authority's own host.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from app import clock
from app.openid import json_fetch
from app.openid.errors import ProviderCode, ProviderError
from app.openid.signing_keys import ALGORITHMS

WELL_KNOWN = "/.well-known/openid-configuration"
ENTRA_AUTHORITIES = {
    "global": "login.microsoftonline.com",
    "us-government": "login.microsoftonline.us",
    "china": "login.partner.microsoftonline.cn",
}
"""The host for sign-in in each of Microsoft's clouds."""
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

ClientAuth = Literal["client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, slots=True)
class Issuer:
    """The expected issuer: the exact text of `iss`, and Entra's tenant ("" for any other provider)."""

    address: str
    tenant: str = ""

    @property
    def document_address(self) -> str:
        """The URL of its discovery document: the same with and without a slash at the end of `address`."""
        return self.address.removesuffix("/") + WELL_KNOWN

    @property
    def algorithms(self) -> frozenset[str]:
        """The allowed values of `alg` in its tokens; never none, never a shared secret."""
        return frozenset({"RS256"}) if self.tenant else frozenset(chain.from_iterable(ALGORITHMS.values()))


@dataclass(frozen=True, slots=True)
class Signer:
    """The data for verifying an issuer's signatures. GitHub Actions and Kubernetes publish nothing else."""

    issuer: Issuer
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class Provider(Signer):
    """The data for sign-in with a provider. `end_session_endpoint` is "" if it has none.

    `fetched_at` is when its discovery document was fetched, in wire form.
    """

    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str
    client_auth: ClientAuth
    fetched_at: str = field(compare=False)


def entra(tenant: str, cloud: str = "global") -> Issuer:
    """Return Entra's issuer for one tenant, by its GUID. Raises ProviderError."""
    if cloud not in ENTRA_AUTHORITIES:
        raise ProviderError(ProviderCode.BAD_CLOUD)
    tenant = tenant.strip().lower()
    if not GUID.fullmatch(tenant):
        raise ProviderError(ProviderCode.BAD_TENANT)
    return Issuer(f"https://{ENTRA_AUTHORITIES[cloud]}/{tenant}/v2.0", tenant)


def read_issuer(address: str) -> Issuer:
    """Return the issuer for a URL that an administrator entered: its own or that of its discovery document.

    A URL of Entra identifies its tenant, whatever follows it. Only the document says whether its issuer ends in a
    slash, so keep the issuer that `discover` returns. Raises ProviderError.
    """
    address = address.strip()
    if not json_fetch.is_safe(address) or "?" in address:
        raise ProviderError(ProviderCode.BAD_ADDRESS)
    parts = urlsplit(address)
    for cloud, host in ENTRA_AUTHORITIES.items():
        if parts.hostname == host:
            return entra(parts.path.split("/")[1] if parts.path else "", cloud)
    bare = address.removesuffix("/")
    return Issuer(bare.removesuffix(WELL_KNOWN) if bare.endswith(WELL_KNOWN) else address)


def discover(issuer: Issuer, ca_file: Path | None = None) -> Provider:
    """Fetch and check the discovery document of a provider for sign-in. Raises ProviderError."""
    issuer, document = _read_document(issuer, ca_file)
    return Provider(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", issuer, is_required=False),
        client_auth=_client_auth(document.get("token_endpoint_auth_methods_supported"), issuer),
        fetched_at=clock.to_wire(clock.utc_now()),
    )


def discover_signer(issuer: Issuer, ca_file: Path | None = None) -> Signer:
    """Fetch the discovery document of an issuer that may not support sign-in. Raises ProviderError."""
    issuer, document = _read_document(issuer, ca_file)
    return Signer(issuer, _endpoint(document, "jwks_uri", issuer))


def _read_document(issuer: Issuer, ca_file: Path | None) -> tuple[Issuer, dict[str, Any]]:
    """Return the issuer as its own document writes it, with or without a slash at the end, and the document."""
    document = json_fetch.get(issuer.document_address, "discovery document", ca_file)
    for address in (issuer.address, issuer.address + "/", issuer.address.removesuffix("/")):
        if document.get("issuer") == address:
            return replace(issuer, address=address), document
    raise ProviderError(ProviderCode.ISSUER_DIFFERS)


def _endpoint(document: dict[str, Any], name: str, issuer: Issuer, is_required: bool = True) -> str:
    address = document.get(name)
    if address is None and not is_required:
        return ""
    if not isinstance(address, str) or not json_fetch.is_safe(address):
        raise ProviderError(ProviderCode.BAD_ENDPOINT, what=name)
    if issuer.tenant and urlsplit(address).netloc.lower() != urlsplit(issuer.address).netloc:
        raise ProviderError(ProviderCode.OTHER_HOST, what=name)
    return address


def _client_auth(listed: object, issuer: Issuer) -> ClientAuth:
    """Return how the client sends its secret: basic if nothing is listed (Discovery §3), to Entra in the form."""
    if not isinstance(listed, list):
        return "client_secret_post" if issuer.tenant else "client_secret_basic"
    if "client_secret_post" in listed and (issuer.tenant or "client_secret_basic" not in listed):
        return "client_secret_post"
    if "client_secret_basic" in listed:
        return "client_secret_basic"
    raise ProviderError(ProviderCode.NO_CLIENT_AUTH)
