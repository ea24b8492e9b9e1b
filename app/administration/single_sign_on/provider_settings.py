"""This module stores the provider of single sign-on: at most one, an Entra tenant or another.

The client secret is never displayed. It is kept only for the issuer and client ID for which it was entered: an
attacker who changes the URL must not receive it.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.administration.single_sign_on.provider_client import ProviderClient
from app.openid import provider as openid
from app.openid.errors import ProviderCode, ProviderError
from app.openid.provider import ENTRA_AUTHORITIES, Issuer
from app.store.access import identity_provider_row as rows
from app.store.access import session_rows
from app.store.database import directory_database
from app.store.database.directory_database import Row

ENTRA = "entra"
CLOUDS: Mapping[str, str] = {
    "global": "Global (the usual one)",
    "us-government": "US Government",
    "china": "China (operated by 21Vianet)",
}
"""The names of Microsoft's clouds, by their keys in ENTRA_AUTHORITIES."""

_PRINTABLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749, appendix A.1 and A.2
_TENANT_AGAIN = (  # Entra: 400 and AADSTS90002 for the discovery document of an unknown tenant
    " Microsoft answers this for an unknown tenant: copy the Directory (tenant) ID again, and check the cloud."
)
_SECRET_AGAIN = "Enter the client secret: none is stored for this provider and client ID."


@dataclass(frozen=True, slots=True)
class Configured:
    """The stored provider. Only ProviderClient decrypts `sealed_secret`."""

    issuer: Issuer
    client_id: str
    sealed_secret: str = field(repr=False)
    generation: str
    saved: str
    saved_by: str

    @property
    def cloud(self) -> str:
        """The key of Microsoft's cloud in CLOUDS; "" for another provider."""
        host = urlsplit(self.issuer.address).hostname
        return next((cloud for cloud, authority in ENTRA_AUTHORITIES.items() if authority == host), "")

    @property
    def title(self) -> str:
        """The display name: Microsoft, or the host of the provider."""
        return "Microsoft" if self.issuer.tenant else urlsplit(self.issuer.address).netloc


@dataclass(frozen=True, slots=True)
class Entered:
    """The input of an administrator. `kind` is "entra" (with `cloud` and `tenant`) or "openid" (with `address`)."""

    kind: str
    cloud: str
    tenant: str
    address: str
    client_id: str
    secret: str = field(repr=False)


def configured() -> Configured | None:
    """Return the stored provider, or None."""
    with directory_database.reading() as connection:
        row = rows.find(connection)
        return read(row) if row else None


def read(row: Row) -> Configured:
    """Return the provider of a row."""
    issuer = Issuer(row.issuer, row.tenant)
    return Configured(issuer, row.client_id, row.client_secret, row.generation, row.saved, row.saved_by)


def save(entered: Entered, client: ProviderClient, actor: Actor) -> None:
    """Set up this provider, which replaces the stored one. Another issuer ends all sessions of single sign-on.

    Raises Refused for invalid input, and for a discovery document that cannot be read or is of another issuer.
    """
    client_id, secret = entered.client_id.strip(), entered.secret.strip()
    if not _PRINTABLE.fullmatch(client_id) or len(client_id) > bounds.CLIENT_ID_LENGTH:
        raise Refused("Enter the client ID that the provider displays.")
    if secret and (not _PRINTABLE.fullmatch(secret) or len(secret) > bounds.CLIENT_SECRET_LENGTH):
        raise Refused("The client secret has invalid characters: copy it again.")
    try:
        tenant, address = entered.tenant, entered.address
        issuer = openid.entra(tenant, entered.cloud) if entered.kind == ENTRA else openid.read_issuer(address)
        if not secret and not _is_of(configured(), issuer, client_id):
            raise Refused(_SECRET_AGAIN)
        issuer = client.check(issuer).issuer
    except ProviderError as error:
        is_of_tenant = entered.kind == ENTRA and error.code is ProviderCode.HTTP_STATUS
        raise Refused(f"Nothing was saved. {error}" + (_TENANT_AGAIN if is_of_tenant else "")) from None
    sealed = client.sealer.seal(secret) if secret else ""
    with directory_database.writing() as connection:
        row = rows.find(connection)
        before = read(row) if row else None
        if not sealed:
            if before is None or not _is_of(before, issuer, client_id):
                raise Refused(_SECRET_AGAIN)
            sealed = before.sealed_secret
        kept = "new" if secret else "as before"
        audit.record(connection, actor, Action.PROVIDER_SAVED, issuer.address, client=client_id, secret=kept)
        if before is not None and before.issuer != issuer:
            session_rows.end_of_people(connection)
        rows.save(
            connection,
            tenant=issuer.tenant,
            issuer=issuer.address,
            client_id=client_id,
            client_secret=sealed,
            generation=secrets.token_urlsafe(16),
            saved=clock.to_wire(clock.utc_now()),
            saved_by=actor.signature,
        )


def remove(actor: Actor) -> None:
    """Turn single sign-on off, and end all its sessions."""
    with directory_database.writing() as connection:
        row = rows.find(connection)
        if row is None:
            return
        audit.record(connection, actor, Action.PROVIDER_REMOVED, row.issuer)
        session_rows.end_of_people(connection)
        rows.remove(connection)


def _is_of(stored: Configured | None, issuer: Issuer, client_id: str) -> bool:
    """Return whether the stored secret was entered for this issuer and client ID."""
    if stored is None:
        return False
    return (stored.issuer.document_address, stored.client_id) == (issuer.document_address, client_id)
