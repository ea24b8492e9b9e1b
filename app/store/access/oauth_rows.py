"""This module stores OAuth clients, secrets, federated credentials and access tokens.

Every function works in the caller's transaction.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, inspect, or_, select, union_all, update
from sqlalchemy.orm import Session

from app.store.access.credential_tables import AccessToken, OAuthClient, OAuthSecret, OAuthTrust

__all__ = ["AccessToken", "Credential", "OAuthClient", "OAuthSecret", "OAuthTrust"]

Credential = TypeVar("Credential", OAuthSecret, OAuthTrust)

_TOKEN_HASHED: Select[Any] = (
    select(
        *inspect(AccessToken).columns,
        OAuthClient.stopped.label("client_stopped"),
        func.coalesce(OAuthSecret.id, OAuthTrust.id).label("credential_id"),
        func.coalesce(OAuthSecret.stopped, OAuthTrust.stopped).label("credential_stopped"),
    )
    .join(OAuthClient, OAuthClient.id == AccessToken.client_id)
    .join(OAuthSecret, OAuthSecret.id == AccessToken.credential, isouter=True)
    .join(OAuthTrust, OAuthTrust.id == AccessToken.credential, isouter=True)
    .where(AccessToken.hash == bindparam("hash"))
)
_ACTIVE_CLIENT = select(OAuthClient.id).where(OAuthClient.stopped.is_(None))


# --- clients and what they have ---------------------------------------------------------------------------------------


def clients(session: Session) -> Sequence[OAuthClient]:
    """Newest first."""
    return session.scalars(select(OAuthClient).order_by(OAuthClient.created.desc(), OAuthClient.id)).all()


def client(session: Session, client_id: str) -> OAuthClient | None:
    return session.get(OAuthClient, client_id)


def count_clients(session: Session, is_active: bool = False) -> int:
    found = select(func.count()).select_from(OAuthClient)
    return session.scalar(found.where(OAuthClient.stopped.is_(None)) if is_active else found) or 0


def credentials(session: Session, kind: type[Credential]) -> Sequence[Credential]:
    """Of all clients, newest first."""
    return session.scalars(select(kind).order_by(kind.created.desc(), kind.id)).all()


def credential(session: Session, kind: type[Credential], credential_id: str) -> Credential | None:
    """Stopped or not."""
    return session.get(kind, credential_id)


def count_active(session: Session, kind: type[Credential], client_id: str) -> int:
    mine = select(func.count()).where(kind.client_id == client_id, kind.stopped.is_(None))
    return session.scalar(mine) or 0


def secret_hashed(session: Session, secret_hash: str) -> OAuthSecret | None:
    return session.scalar(select(OAuthSecret).where(OAuthSecret.hash == secret_hash))


def trust_in(session: Session, issuer: str, subject: str, audience: str) -> OAuthTrust | None:
    """The active one, of an active client, with exactly these three."""
    return session.scalar(
        select(OAuthTrust)
        .where(OAuthTrust.issuer == issuer, OAuthTrust.subject == subject, OAuthTrust.audience == audience)
        .where(OAuthTrust.stopped.is_(None), OAuthTrust.client_id.in_(_ACTIVE_CLIENT))
        .limit(1)
    )


def note_use(session: Session, credential_id: str, at: str, address: str) -> None:
    """Of a secret or a trust, whichever has this id."""
    for kind in (OAuthSecret, OAuthTrust):
        session.execute(update(kind).where(kind.id == credential_id).values(last_used=at, last_address=address))


def has_credential(session: Session) -> bool:
    """Whether an active client has an active secret or trust."""
    credentials = union_all(
        *(
            select(kind.id).where(kind.stopped.is_(None), kind.client_id.in_(_ACTIVE_CLIENT))
            for kind in (OAuthSecret, OAuthTrust)
        )
    )
    return session.execute(credentials.limit(1)).first() is not None


def used_last(session: Session) -> Row[Any] | None:
    """The last use of a secret or trust, stopped ones too: `last_used`, `last_address`, and the client's `name`."""
    uses = union_all(
        *(
            select(kind.last_used, kind.last_address, OAuthClient.name)
            .join(OAuthClient, OAuthClient.id == kind.client_id)
            .where(kind.last_used.is_not(None))
            for kind in (OAuthSecret, OAuthTrust)
        )
    ).subquery()
    return session.execute(select(uses).order_by(uses.c.last_used.desc()).limit(1)).first()


# --- access tokens ----------------------------------------------------------------------------------------------------


def add_token(session: Session, token_hash: str, client_id: str, credential: str, created: str, expires: str) -> None:
    session.add(
        AccessToken(hash=token_hash, client_id=client_id, credential=credential, created=created, expires=expires)
    )
    session.flush()


def token_hashed(connection: Connection, token_hash: str) -> Row[Any] | None:
    """A row with AccessToken's columns, `client_stopped`, and `credential_id` and `credential_stopped` of what brought
    it. Every SCIM request asks, so not through the ORM, which takes longer."""
    return connection.execute(_TOKEN_HASHED, {"hash": token_hash}).first()


def forget_tokens_outside(session: Session, since: str, until: str) -> None:
    """Forget those that had ended at `since`, and those made after `until`, as when the clock was set back."""
    session.execute(delete(AccessToken).where(or_(AccessToken.expires <= since, AccessToken.created > until)))


def forget_oldest_tokens(session: Session, client_id: str, kept: int) -> None:
    """Forget all tokens of a client but those made last."""
    mine = select(AccessToken.hash).where(AccessToken.client_id == client_id)
    last = mine.order_by(AccessToken.created.desc(), AccessToken.hash).limit(-1).offset(kept)
    session.execute(delete(AccessToken).where(AccessToken.hash.in_(last)))
