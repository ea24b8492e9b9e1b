"""This module manages OAuth clients, their secrets and their federated credentials (RFC 6749 §4.4).

A client shows a secret, or an assertion that a provider signed (RFC 7523); a trust says whose.
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
from app.store.access import administrator_rows
from app.store.access import oauth_rows as rows

ENTRA_AUDIENCE = "api://AzureADTokenExchange"
"""Entra: the audience that its documents propose for every federation."""

_NOTHING_ACCEPTED = "Nothing more is accepted than before."
_NO_ISSUER = (
    f"{_NOTHING_ACCEPTED} Enter the Directory (tenant) ID from Entra, such as 00000000-0000-0000-0000-000000000000, "
    "or the https address of another issuer."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(ABC):
    """What a client may show. Moments are in wire form; None means never."""

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
        """What people know it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret(Credential):
    """A secret as it may be shown: `prefix` are its first characters."""

    prefix: str

    @property
    def label(self) -> str:
        return f"{self.prefix}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust(Credential):
    """Whose signed assertions stand in for a secret: exactly these three."""

    issuer: str
    subject: str
    audience: str

    @property
    def label(self) -> str:
        return self.issuer


Shown = TypeVar("Shown", ClientSecret, Trust)


@dataclass(frozen=True, slots=True)
class Client:
    """A client with all that it has, the newest first, stopped ones too. Its `id` is the client identifier."""

    id: str
    name: str
    created: str
    created_by: str
    stopped: str | None
    secrets: tuple[ClientSecret, ...] = ()
    trusts: tuple[Trust, ...] = ()

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """What it may still show."""
        return tuple(one for one in (*self.secrets, *self.trusts) if not one.stopped and not self.stopped)

    @property
    def last_used(self) -> str | None:
        return max((one.last_used for one in (*self.secrets, *self.trusts) if one.last_used), default=None)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret just made; the only time that `text`, the secret itself, is known."""

    text: str
    client_id: str
    client_name: str


def list_clients() -> list[Client]:
    """All clients, newest first, stopped ones too."""
    with administrator_rows.reading() as session:
        secrets = [_read(ClientSecret, row) for row in rows.credentials(session, rows.OAuthSecret)]
        trusts = [_read(Trust, row) for row in rows.credentials(session, rows.OAuthTrust)]
        return [
            Client(
                *(row.id, row.name, row.created, row.created_by, row.stopped),
                tuple(one for one in secrets if one.client_id == row.id),
                tuple(one for one in trusts if one.client_id == row.id),
            )
            for row in rows.clients(session)
        ]


def create_client(name: str, by: Actor) -> NewSecret:
    """Make a client with its first secret. Without a name it is called "Client 3".

    Raises Refused when as many clients are active as may be, and for an unfit name.
    """
    name = name.strip()
    if len(name) > bounds.KEY_NAME_LENGTH or not name.isprintable():
        raise Refused(f"The client's name may have at most {bounds.KEY_NAME_LENGTH} printable characters.")
    with administrator_rows.writing() as session:
        if rows.count_clients(session, is_active=True) >= bounds.OAUTH_CLIENTS:
            raise Refused(f"There are {bounds.OAUTH_CLIENTS} active clients already. Stop one of them first.")
        row = rows.OAuthClient(**_made(by), name=name or f"Client {rows.count_clients(session) + 1}")
        session.add(row)
        session.flush()
        audit.record(session, by, Action.CLIENT_MADE, row.name, client=row.id)
        return _new_secret(session, row, by)


def create_secret(client_id: str, by: Actor) -> NewSecret:
    """Make one more secret of a client. Raises Refused when as many are active as may be, and for no such client."""
    with administrator_rows.writing() as session:
        row = _active_client(session, client_id)
        if rows.count_active(session, rows.OAuthSecret, client_id) >= bounds.OAUTH_SECRETS:
            raise Refused(f"{row.name} has {bounds.OAUTH_SECRETS} active secrets already. Stop one of them first.")
        return _new_secret(session, row, by)


def add_trust(client_id: str, issuer: str, subject: str, audience: str, by: Actor, signers: Signers) -> None:
    """Accept what an issuer signs for this subject and this audience instead of a secret of the client.

    `issuer` is its address, or an Entra tenant's id; its keys are fetched at once. Raises Refused for what cannot be,
    where the keys cannot be fetched, and for what is there already.
    """
    subject, audience = (_claim(text, name) for text, name in ((subject, "subject"), (audience, "audience")))
    issuer = _issuer(issuer, signers)
    with administrator_rows.writing() as session:
        row = _active_client(session, client_id)
        if rows.count_active(session, rows.OAuthTrust, client_id) >= bounds.OAUTH_TRUSTS:
            raise Refused(f"{row.name} accepts {bounds.OAUTH_TRUSTS} signers already. Stop one of them first.")
        if rows.trust_in(session, issuer, subject, audience):
            raise Refused("Assertions of this issuer, subject and audience are accepted already.")
        trust = rows.OAuthTrust(**_made(by), client_id=client_id, issuer=issuer, subject=subject, audience=audience)
        session.add(trust)
        detail = {"client": client_id, "issuer": issuer, "subject": subject, "audience": audience}
        audit.record(session, by, Action.TRUST_MADE, row.name, trust=trust.id, **detail)


def stop_client(client_id: str, by: Actor) -> None:
    """Stop a client for good, with all that it has and its tokens. Raises Refused for one unknown or stopped."""
    with administrator_rows.writing() as session:
        row = _active_client(session, client_id)
        row.stopped = clock.to_wire(clock.utc_now())
        audit.record(session, by, Action.CLIENT_STOPPED, row.name, client=row.id)


def stop_secret(secret_id: str, by: Actor) -> None:
    """Stop a secret for good, and the tokens that it brought. Raises Refused for one unknown or stopped."""
    with administrator_rows.writing() as session:
        row, name = _stopped(session, rows.OAuthSecret, secret_id, "secret")
        audit.record(session, by, Action.SECRET_STOPPED, name, client=row.client_id, secret=row.id, begins=row.prefix)


def stop_trust(trust_id: str, by: Actor) -> None:
    """Stop a trust for good, and the tokens that it brought. Raises Refused for one unknown or stopped."""
    with administrator_rows.writing() as session:
        row, name = _stopped(session, rows.OAuthTrust, trust_id, "trust")
        detail = {"client": row.client_id, "issuer": row.issuer, "subject": row.subject, "audience": row.audience}
        audit.record(session, by, Action.TRUST_STOPPED, name, trust=row.id, **detail)


def _active_client(session: administrator_rows.Session, client_id: str) -> rows.OAuthClient:
    row = rows.client(session, client_id)
    if row is None or row.stopped:
        raise Refused("There is no active client with this identifier.")
    return row


def _stopped(
    session: administrator_rows.Session, kind: type[rows.Credential], credential_id: str, called: str
) -> tuple[rows.Credential, str]:
    """The row, stopped just now, and its client's name. Raises Refused for one unknown or stopped."""
    row = rows.credential(session, kind, credential_id)
    if row is None or row.stopped:
        raise Refused(f"There is no active {called} with this id.")
    row.stopped = clock.to_wire(clock.utc_now())
    client = rows.client(session, row.client_id)
    return row, client.name if client else ""


def _made(by: Actor) -> dict[str, str]:
    """What every row has from its making: an id, when, and by whom."""
    return {"id": uuid.uuid4().hex[:12], "created": clock.to_wire(clock.utc_now()), "created_by": by.signature}


def _new_secret(session: administrator_rows.Session, client: rows.OAuthClient, by: Actor) -> NewSecret:
    text = CLIENT_SECRET.make()
    row = rows.OAuthSecret(**_made(by), client_id=client.id, prefix=CLIENT_SECRET.prefix(text), hash=hash_secret(text))
    session.add(row)
    audit.record(session, by, Action.SECRET_MADE, client.name, client=client.id, secret=row.id, begins=row.prefix)
    return NewSecret(text, client.id, client.name)


def _issuer(text: str, signers: Signers) -> str:
    """The exact text of `iss`; an id of a tenant stands for Entra's newer form of it."""
    text = text.strip()
    try:
        found = provider.entra(text) if provider.GUID.fullmatch(text.lower()) else provider.read_issuer(text)
    except ProviderError as error:
        if "://" not in text:  # meant as a tenant ID, it seems
            raise Refused(_NO_ISSUER) from None
        raise Refused(f"{_NOTHING_ACCEPTED} {error}") from None
    try:
        return signers.check(found)
    except ProviderError as error:
        raise Refused(f"{_NOTHING_ACCEPTED} {error}") from None


def _claim(text: str, name: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= bounds.CLAIM_LENGTH or not text.isprintable():
        raise Refused(f"The {name} must have 1 to {bounds.CLAIM_LENGTH} printable characters.")
    return text


def _read(kind: type[Shown], row: rows.OAuthSecret | rows.OAuthTrust) -> Shown:
    """The row as it may be shown: every field is the column of the same name."""
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})
