"""This module issues access tokens to OAuth clients and finds them again (RFC 6749 §4.4).

A token is a row, of which only the hash is kept, and is looked up with every request: it ends at once with the
client, secret or trust that brought it.
"""

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import bounds, clock
from app.administration.credentials.federated_credentials import AssertionRefused, Claimed, Signers, read_claimed
from app.administration.credentials.secret_format import ACCESS_TOKEN, CLIENT_SECRET
from app.administration.credentials.secret_hash import hash_secret
from app.request_record import KeyFault
from app.scim.errors import ScimError
from app.store.access import oauth_rows as rows
from app.store.access import used_once
from app.store.database import directory_database
from app.store.database.directory_database import Connection, Row
from app.throttle import Throttle

ASSERTION = "assertion"
"""The kind of what is spent; others spend other things."""


class NotAuthenticated(Exception):  # noqa: N818
    """No token for what was shown. The text, `fault` and `client_id` are for the log: outside all look the same."""

    def __init__(self, fault: KeyFault, reason: str, client_id: str = "") -> None:
        super().__init__(reason)
        self.fault = fault
        self.client_id = client_id


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; the only time that `text`, the token itself, is known."""

    text: str
    expires_s: int = bounds.ACCESS_TOKEN_S


@dataclass(frozen=True, slots=True)
class Access:
    """What a text is as an access token: `is_right`, or its `fault`. `credential` is what brought it."""

    is_right: bool = False
    client_id: str = ""
    credential: str = ""
    fault: KeyFault = ""


def token_for_secret(client_id: str, secret: str, address: str) -> NewToken:
    """A token for a client that shows a secret of its own. Any texts may come. Raises NotAuthenticated."""
    if not CLIENT_SECRET.fits(secret):
        raise NotAuthenticated("client", "The client secret does not have the format of this server")
    wanted = hash_secret(secret)
    with directory_database.reading() as connection:  # so that wrong ones wait for nobody and hold up nobody
        _secret(connection, client_id, wanted)
    with directory_database.writing() as connection:
        return _issue(connection, _secret(connection, client_id, wanted), address)


def token_for_assertion(client_id: str, text: str, signers: Signers, address: str) -> NewToken:
    """A token for whoever shows what a provider signed; `client_id` may be "". Any texts may come.

    Raises NotAuthenticated, and SignerAway when the provider's keys cannot be had just now.
    """
    claimed = read_claimed(text)
    if claimed is None:
        raise NotAuthenticated("assertion", "The assertion is not signed, or lacks an issuer, subject or audience")
    with directory_database.reading() as connection:
        known_id = _trust(connection, client_id, claimed).client_id
    try:
        assertion = signers.verify(text, claimed)
    except AssertionRefused as refused:
        raise NotAuthenticated("assertion", str(refused), known_id) from None
    identifier = hash_secret(f"{claimed.issuer} {assertion.jti}")
    # A second more, since the wire form drops what is less than a millisecond.
    expires = clock.to_wire(assertion.expires + timedelta(seconds=1))
    with directory_database.writing() as connection:
        trust = _trust(connection, client_id, claimed)
        if not used_once.spend(connection, ASSERTION, identifier, expires, clock.to_wire(clock.utc_now())):
            raise NotAuthenticated("assertion", "The assertion was used before", known_id)
        return _issue(connection, trust, address)


def judge_token(text: str) -> Access:
    """What a text is as an access token; the fault is for the log only. Any text may come."""
    if not ACCESS_TOKEN.fits(text):
        return Access(fault="cut" if ACCESS_TOKEN.is_begun(text) else "foreign")
    wanted = hash_secret(text)
    with directory_database.reading() as connection:
        row = rows.token_hashed(connection, wanted)
    if row is None or not hmac.compare_digest(row.hash.encode(), wanted.encode()):
        return Access(fault="unknown")
    now = clock.utc_now()
    # A token from the future was made before the clock was set back, and would last too long.
    is_ahead = row.created > clock.to_wire(now + timedelta(seconds=bounds.CLOCK_SLACK_S))
    fault: KeyFault = ""
    if row.client_stopped or row.credential_stopped or row.credential_id is None:
        fault = "stopped"
    elif row.expires <= clock.to_wire(now) or is_ahead:
        fault = "expired"
    return Access(not fault, row.client_id, row.credential, fault)


def note_token_use(credential: str, address: str) -> None:
    """Remember that what brought a token was used now, from this address; at most one try a minute. Never raises.

    As with a key, a note is worth neither a refused request nor one that waits.
    """
    if not _notes.take(bounds.KEY_USE_NOTED_S, credential):
        return
    with suppress(ScimError), directory_database.writing(wait=False) as connection:
        rows.note_use(connection, credential, clock.to_wire(clock.utc_now()), address)


_notes = Throttle(bounds.KEYS_NOTED)


def _secret(connection: Connection, client_id: str, wanted: str) -> Row[Any]:
    """The active secret with this hash, where it is of this client. What came is never a part of a query."""
    row = rows.secret_hashed(connection, wanted)
    client = rows.find(connection, rows.oauth_client, row.client_id) if row else None
    if row is None or client is None or not hmac.compare_digest(row.hash.encode(), wanted.encode()):
        raise NotAuthenticated("client", "No client has this secret")
    if client.id != client_id:
        raise NotAuthenticated("client", "The client secret belongs to another client identifier")
    if row.stopped or client.stopped:
        raise NotAuthenticated("stopped", "The client or its secret was revoked", client.id)
    return row


def _trust(connection: Connection, client_id: str, claimed: Claimed) -> Row[Any]:
    row = rows.trust_in(connection, claimed.issuer, claimed.subject, claimed.audience)
    if row is None:
        raise NotAuthenticated("assertion", "No federated credential has this issuer, subject and audience")
    if client_id not in ("", row.client_id):
        raise NotAuthenticated("assertion", "The federated credential belongs to another client identifier")
    return row


def _issue(connection: Connection, credential: Row[Any], address: str) -> NewToken:
    new, now = NewToken(ACCESS_TOKEN.make()), clock.utc_now()
    old = now - timedelta(seconds=bounds.ACCESS_TOKENS_REMEMBERED_S)
    ahead = now + timedelta(seconds=bounds.CLOCK_SLACK_S)
    rows.forget_tokens_outside(connection, clock.to_wire(old), clock.to_wire(ahead))
    rows.forget_oldest_tokens(connection, credential.client_id, bounds.ACCESS_TOKENS - 1)
    created = clock.to_wire(now)
    rows.add(
        connection,
        rows.access_token,
        hash=hash_secret(new.text),
        client_id=credential.client_id,
        credential=credential.id,
        created=created,
        expires=clock.to_wire(now + timedelta(seconds=new.expires_s)),
    )
    rows.note_use(connection, credential.id, created, address)
    return new
