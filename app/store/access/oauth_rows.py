"""This module stores OAuth clients, secrets, federated credentials and access tokens."""

from collections.abc import Sequence

from sqlalchemy import Table, bindparam, delete, func, insert, or_, select, union_all, update

from app.store.access.credential_tables import access_token, oauth_client, oauth_secret, oauth_trust
from app.store.database.connection import Connection, Row
from app.store.database.remembered_reads import remembered

__all__ = ["access_token", "oauth_client", "oauth_secret", "oauth_trust"]

_CREDENTIALS = oauth_secret, oauth_trust
_TOKEN_HASHED = (
    select(
        access_token,
        oauth_client.c.stopped.label("client_stopped"),
        func.coalesce(oauth_secret.c.id, oauth_trust.c.id).label("credential_id"),
        func.coalesce(oauth_secret.c.stopped, oauth_trust.c.stopped).label("credential_stopped"),
    )
    .join(oauth_client, oauth_client.c.id == access_token.c.client_id)
    .join(oauth_secret, oauth_secret.c.id == access_token.c.credential, isouter=True)
    .join(oauth_trust, oauth_trust.c.id == access_token.c.credential, isouter=True)
    .where(access_token.c.hash == bindparam("hash"))
)
_ACTIVE_CLIENT = select(oauth_client.c.id).where(oauth_client.c.stopped.is_(None))
_NEWEST_FIRST = {
    table: select(table).order_by(table.c.created.desc(), table.c.id) for table in (oauth_client, *_CREDENTIALS)
}
_uses = union_all(
    *(
        select(table.c.last_used, table.c.last_address, oauth_client.c.name)
        .join(oauth_client, oauth_client.c.id == table.c.client_id)
        .where(table.c.last_used.is_not(None))
        for table in _CREDENTIALS
    )
).subquery()
_USED_LAST = select(_uses).order_by(_uses.c.last_used.desc()).limit(1)


def clients(connection: Connection) -> Sequence[Row]:
    """Return the rows of oauth_client, newest first."""
    return connection.execute(_NEWEST_FIRST[oauth_client]).all()


def count_clients(connection: Connection, is_active: bool = False) -> int:
    counted = select(func.count()).select_from(oauth_client)
    counted = counted.where(oauth_client.c.stopped.is_(None)) if is_active else counted
    return int(connection.execute(counted).scalar_one())


def find(connection: Connection, table: Table, row_id: str) -> Row | None:
    """Return the row of a client, a secret or a federated credential, according to the table; revoked or not."""
    return connection.execute(select(table).where(table.c.id == row_id)).one_or_none()


def add(connection: Connection, table: Table, **values: str) -> None:
    """Store a row in one of these tables, with a value for each column that may not be NULL."""
    connection.execute(insert(table), values)


def stop(connection: Connection, table: Table, row_id: str, at: str) -> None:
    """Revoke a client, a secret or a federated credential."""
    connection.execute(update(table).where(table.c.id == row_id).values(stopped=at))


def credentials(connection: Connection, table: Table) -> Sequence[Row]:
    """Return the secrets or the federated credentials of all clients, newest first."""
    return connection.execute(_NEWEST_FIRST[table]).all()


def count_active(connection: Connection, table: Table, client_id: str) -> int:
    """Return how many active secrets or federated credentials a client has."""
    active = select(func.count()).where(table.c.client_id == client_id, table.c.stopped.is_(None))
    return int(connection.execute(active).scalar_one())


def secret_hashed(connection: Connection, secret_hash: str) -> Row | None:
    """Return the secret with this hash, revoked or not."""
    return connection.execute(select(oauth_secret).where(oauth_secret.c.hash == secret_hash)).one_or_none()


def trust_in(connection: Connection, issuer: str, subject: str, audience: str) -> Row | None:
    """Return the active federated credential of an active client with exactly these values."""
    columns = oauth_trust.c
    return connection.execute(
        select(oauth_trust)
        .where(columns.issuer == issuer, columns.subject == subject, columns.audience == audience)
        .where(columns.stopped.is_(None), columns.client_id.in_(_ACTIVE_CLIENT))
        .limit(1)
    ).one_or_none()


def note_use(connection: Connection, credential_id: str, at: str, address: str) -> None:
    """Record the last use of the secret or federated credential with this id."""
    for table in _CREDENTIALS:
        used = update(table).where(table.c.id == credential_id)
        connection.execute(used.values(last_used=at, last_address=address))


def has_credential(connection: Connection) -> bool:
    """Return whether an active client has an active secret or federated credential."""
    active = union_all(
        *(
            select(table.c.id).where(table.c.stopped.is_(None), table.c.client_id.in_(_ACTIVE_CLIENT))
            for table in _CREDENTIALS
        )
    )
    return connection.execute(active.limit(1)).first() is not None


def used_last(connection: Connection) -> Row | None:
    """Return the last use of a credential, revoked or not: `last_used`, `last_address`, and the client's `name`."""
    return connection.execute(_USED_LAST).first()


@remembered
def token_hashed(connection: Connection, token_hash: str) -> Row | None:
    """Return the columns of access_token, `client_stopped`, `credential_id` and `credential_stopped`, or None."""
    return connection.execute(_TOKEN_HASHED, {"hash": token_hash}).first()


def forget_tokens_outside(connection: Connection, since: str, until: str) -> None:
    """Delete tokens that had expired at `since`, and those created after `until`, when the clock was set back."""
    connection.execute(delete(access_token).where(or_(access_token.c.expires <= since, access_token.c.created > until)))


def forget_oldest_tokens(connection: Connection, client_id: str, kept: int) -> None:
    """Delete all tokens of a client except the newest ones."""
    own = select(access_token.c.hash).where(access_token.c.client_id == client_id)
    last = own.order_by(access_token.c.created.desc(), access_token.c.hash).limit(-1).offset(kept)
    connection.execute(delete(access_token).where(access_token.c.hash.in_(last)))
