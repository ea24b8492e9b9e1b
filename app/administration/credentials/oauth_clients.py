"""This module manages OAuth clients, their secrets and their federated credentials (RFC 6749 §4.4).

A client presents a secret, or an assertion that an issuer signed (RFC 7523). A federated credential (class `Trust`)
declares the accepted issuer, subject and audience.
"""

import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TypeVar

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.credentials.federated_credentials import Signers
from app.administration.credentials.secret_format import CLIENT_SECRET
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Refused
from app.openid import provider
from app.openid.errors import ProviderError
from app.store.access import oauth_rows as rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection, Row, Table

ENTRA_AUDIENCE = "api://AzureADTokenExchange"
"""Entra: the audience that Microsoft's documentation recommends for federated credentials."""

_NOTHING_ACCEPTED = "No federated credential was added."
_NO_ISSUER = (
    f"{_NOTHING_ACCEPTED} Enter the Directory (tenant) ID from Entra, such as 00000000-0000-0000-0000-000000000000, "
    "or the https URL of another issuer."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(ABC):
    """A credential of a client. Times are in wire form; None means never."""

    id: str
    client_id: str
    created: str
    created_by: str
    last_used: str | None
    last_address: str | None
    stopped: str | None

    @property
    @abstractmethod
    def label(self) -> str:
        """The text that identifies the credential for administrators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret(Credential):
    """A secret without its text; `prefix` has its first characters."""

    prefix: str

    @property
    def label(self) -> str:
        return f"{self.prefix}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust(Credential):
    """A federated credential: assertions with exactly these three claims are accepted instead of a secret."""

    issuer: str
    subject: str
    audience: str

    @property
    def label(self) -> str:
        return self.issuer


Shown = TypeVar("Shown", ClientSecret, Trust)


@dataclass(frozen=True, slots=True)
class Client:
    """A client with its credentials, newest first, including revoked ones. `id` is the client identifier."""

    id: str
    name: str
    created: str
    created_by: str
    stopped: str | None
    secrets: tuple[ClientSecret, ...] = ()
    trusts: tuple[Trust, ...] = ()

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """The active credentials."""
        return tuple(one for one in (*self.secrets, *self.trusts) if not one.stopped and not self.stopped)

    @property
    def last_used(self) -> str | None:
        return max((one.last_used for one in (*self.secrets, *self.trusts) if one.last_used), default=None)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A new secret. `text` is the secret itself, which is not stored."""

    text: str
    client_id: str
    client_name: str


def list_clients() -> list[Client]:
    """Return all clients, newest first, including revoked ones."""
    with directory_database.reading() as connection:
        secrets = [_read(ClientSecret, row) for row in rows.credentials(connection, rows.oauth_secret)]
        trusts = [_read(Trust, row) for row in rows.credentials(connection, rows.oauth_trust)]
        return [
            Client(
                *(row.id, row.name, row.created, row.created_by, row.stopped),
                tuple(one for one in secrets if one.client_id == row.id),
                tuple(one for one in trusts if one.client_id == row.id),
            )
            for row in rows.clients(connection)
        ]


def create_client(name: str, by: Actor) -> NewSecret:
    """Create a client with its first secret. Without a name, the name is like "Client 3".

    Raises Refused for an invalid name, and if `bounds.OAUTH_CLIENTS` clients are active.
    """
    name = name.strip()
    if len(name) > bounds.KEY_NAME_LENGTH or not name.isprintable():
        raise Refused(f"The name of the client may have at most {bounds.KEY_NAME_LENGTH} printable characters.")
    with directory_database.writing() as connection:
        if rows.count_clients(connection, is_active=True) >= bounds.OAUTH_CLIENTS:
            raise Refused(f"{bounds.OAUTH_CLIENTS} clients are active, which is the limit. Revoke one of them first.")
        row = _made(by) | {"name": name or f"Client {rows.count_clients(connection) + 1}"}
        rows.add(connection, rows.oauth_client, **row)
        audit.record(connection, by, Action.CLIENT_MADE, row["name"], client=row["id"])
        return _new_secret(connection, row["id"], row["name"], by)


def create_secret(client_id: str, by: Actor) -> NewSecret:
    """Create another secret of a client.

    Raises Refused if the client is not active, or has `bounds.OAUTH_SECRETS` active secrets.
    """
    with directory_database.writing() as connection:
        row = _active_client(connection, client_id)
        if rows.count_active(connection, rows.oauth_secret, client_id) >= bounds.OAUTH_SECRETS:
            raise Refused(f"{row.name} has {bounds.OAUTH_SECRETS} active secrets, the limit. Revoke one of them first.")
        return _new_secret(connection, client_id, row.name, by)


def add_trust(client_id: str, issuer: str, subject: str, audience: str, by: Actor, signers: Signers) -> None:
    """Add a federated credential: assertions of an issuer with this subject and audience replace a client secret.

    `issuer` is its URL, or the id of an Entra tenant; its keys are fetched immediately. Raises Refused for invalid or
    existing values, too many federated credentials, or keys that cannot be fetched.
    """
    subject, audience = (_claim(text, name) for text, name in ((subject, "subject"), (audience, "audience")))
    issuer = _issuer(issuer, signers)
    with directory_database.writing() as connection:
        row = _active_client(connection, client_id)
        if rows.count_active(connection, rows.oauth_trust, client_id) >= bounds.OAUTH_TRUSTS:
            raise Refused(f"{row.name} has {bounds.OAUTH_TRUSTS} federated credentials, the limit. Revoke one first.")
        if rows.trust_in(connection, issuer, subject, audience):
            raise Refused("There is already such a federated credential.")
        claims, made = {"issuer": issuer, "subject": subject, "audience": audience}, _made(by)
        rows.add(connection, rows.oauth_trust, client_id=client_id, **made, **claims)
        audit.record(connection, by, Action.TRUST_MADE, row.name, trust=made["id"], client=client_id, **claims)


def stop_client(client_id: str, by: Actor) -> None:
    """Revoke a client with its credentials and access tokens. Raises Refused if there is no such active client."""
    with directory_database.writing() as connection:
        row = _active_client(connection, client_id)
        rows.stop(connection, rows.oauth_client, client_id, clock.to_wire(clock.utc_now()))
        audit.record(connection, by, Action.CLIENT_STOPPED, row.name, client=row.id)


def stop_secret(secret_id: str, by: Actor) -> None:
    """Revoke a secret and the access tokens that it requested. Raises Refused if there is no such active secret."""
    with directory_database.writing() as connection:
        row, name = _stopped(connection, rows.oauth_secret, secret_id, "secret")
        detail = {"client": row.client_id, "secret": row.id, "begins": row.prefix}
        audit.record(connection, by, Action.SECRET_STOPPED, name, **detail)


def stop_trust(trust_id: str, by: Actor) -> None:
    """Revoke a federated credential and its access tokens. Raises Refused if there is no such active one."""
    with directory_database.writing() as connection:
        row, name = _stopped(connection, rows.oauth_trust, trust_id, "trust")
        detail = {"client": row.client_id, "issuer": row.issuer, "subject": row.subject, "audience": row.audience}
        audit.record(connection, by, Action.TRUST_STOPPED, name, trust=row.id, **detail)


def _active_client(connection: Connection, client_id: str) -> Row:
    row = rows.find(connection, rows.oauth_client, client_id)
    if row is None or row.stopped:
        raise Refused("There is no active client with this identifier.")
    return row


def _stopped(connection: Connection, table: Table, credential_id: str, called: str) -> tuple[Row, str]:
    """Revoke a credential; return its row and the name of its client. Raises Refused if it is unknown or revoked."""
    row = rows.find(connection, table, credential_id)
    if row is None or row.stopped:
        raise Refused(f"There is no active {called} with this id.")
    rows.stop(connection, table, credential_id, clock.to_wire(clock.utc_now()))
    client = rows.find(connection, rows.oauth_client, row.client_id)
    return row, client.name if client else ""


def _made(by: Actor) -> dict[str, str]:
    """Return the columns that every new row has: id, time of creation, and creator."""
    return {"id": uuid.uuid4().hex[:12], "created": clock.to_wire(clock.utc_now()), "created_by": by.signature}


def _new_secret(connection: Connection, client_id: str, client_name: str, by: Actor) -> NewSecret:
    text, made = CLIENT_SECRET.make(), _made(by)
    prefix = CLIENT_SECRET.prefix(text)
    rows.add(connection, rows.oauth_secret, client_id=client_id, prefix=prefix, hash=hash_secret(text), **made)
    audit.record(connection, by, Action.SECRET_MADE, client_name, client=client_id, secret=made["id"], begins=prefix)
    return NewSecret(text, client_id, client_name)


def _issuer(text: str, signers: Signers) -> str:
    """Return the exact text of `iss`; for a tenant id, Entra's v2.0 issuer. Raises Refused."""
    text = text.strip()
    try:
        issuer = provider.entra(text) if provider.GUID.fullmatch(text.lower()) else provider.read_issuer(text)
    except ProviderError as error:
        if "://" not in text:  # meant as a tenant ID, it seems
            raise Refused(_NO_ISSUER) from None
        raise Refused(f"{_NOTHING_ACCEPTED} {error}") from None
    try:
        return signers.check(issuer)
    except ProviderError as error:
        raise Refused(f"{_NOTHING_ACCEPTED} {error}") from None


def _claim(text: str, name: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= bounds.CLAIM_LENGTH or not text.isprintable():
        raise Refused(f"The {name} must have 1 to {bounds.CLAIM_LENGTH} printable characters.")
    return text


def _read(kind: type[Shown], row: Row) -> Shown:
    """Return the credential of a row: every field has the value of the column of the same name."""
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})
