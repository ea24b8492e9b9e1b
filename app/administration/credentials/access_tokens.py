"""This module issues and verifies access tokens of OAuth clients (RFC 6749 §4.4).

Only the hash of a token is stored. What is known of it is valid until an administrative change
(app/store/database/remembered_reads.py), so a token becomes invalid immediately when its client, secret or federated
credential is revoked.
"""

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

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
"""The kind of one-time value that `used_once` stores."""


class NotAuthenticated(Exception):  # noqa: N818
    """A token request was refused. The text, `fault` and `client_id` are for the log; all responses are the same."""

    def __init__(self, fault: KeyFault, reason: str, client_id: str = "") -> None:
        super().__init__(reason)
        self.fault = fault
        self.client_id = client_id


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token. `text` is the token itself, which is not stored."""

    text: str
    expires_s: int = bounds.ACCESS_TOKEN_S


def token_for_secret(client_id: str, secret: str, address: str) -> NewToken:
    """Return a token for a client with its secret. Accepts arbitrary texts. Raises NotAuthenticated."""
    if not CLIENT_SECRET.fits(secret):
        raise NotAuthenticated("client", "The client secret does not have the format of this server")
    secret_hash = hash_secret(secret)
    with directory_database.reading() as connection:  # an invalid secret must not take the write lock
        _secret(connection, client_id, secret_hash)
    with directory_database.writing() as connection:
        return _issue(connection, _secret(connection, client_id, secret_hash), address)


def token_for_assertion(client_id: str, text: str, signers: Signers, address: str) -> NewToken:
    """Return a token for an assertion that a provider signed. `client_id` may be "". Accepts arbitrary texts.

    Raises NotAuthenticated, and SignerAway if the provider's keys are not available at the moment.
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
    # One second is added because the wire form truncates to milliseconds.
    expires = clock.to_wire(assertion.expires + timedelta(seconds=1))
    with directory_database.writing() as connection:
        trust = _trust(connection, client_id, claimed)
        if not used_once.use(connection, ASSERTION, identifier, expires, clock.to_wire(clock.utc_now())):
            raise NotAuthenticated("assertion", "The assertion was used before", known_id)
        return _issue(connection, trust, address)


def judge_token(connection: Connection, text: str) -> tuple[Row | None, KeyFault]:
    """Return the access token with this text, and its fault, "" for a valid one. The fault is for the log only."""
    if not ACCESS_TOKEN.fits(text):
        return None, "cut" if ACCESS_TOKEN.is_begun(text) else "foreign"
    token_hash = hash_secret(text)
    row = rows.token_hashed(connection, token_hash)
    if row is None or not hmac.compare_digest(row.hash.encode(), token_hash.encode()):
        return None, "unknown"
    now = clock.utc_now()
    # A token from the future was created before the clock was set back, and would be valid for too long.
    is_ahead = row.created > clock.to_wire(now + timedelta(seconds=bounds.CLOCK_SLACK_S))
    if row.client_stopped or row.credential_stopped or row.credential_id is None:
        return row, "stopped"
    return row, "expired" if row.expires <= clock.to_wire(now) or is_ahead else ""


def note_token_use(credential: str, address: str) -> None:
    """Store the last use of a credential, at most once a minute. Never raises.

    It never waits for other writers: the last use is not worth a slow or failed request.
    """
    if not _notes.take(bounds.KEY_USE_NOTED_S, credential):
        return
    with suppress(ScimError), directory_database.writing(wait=False) as connection:
        rows.note_use(connection, credential, clock.to_wire(clock.utc_now()), address)


_notes = Throttle(bounds.KEYS_NOTED)


def _secret(connection: Connection, client_id: str, secret_hash: str) -> Row:
    """Return the active secret of this client with the hash `secret_hash`. Raises NotAuthenticated.

    Queries contain the hash only, no text from the request.
    """
    row = rows.secret_hashed(connection, secret_hash)
    client = rows.find(connection, rows.oauth_client, row.client_id) if row else None
    if row is None or client is None or not hmac.compare_digest(row.hash.encode(), secret_hash.encode()):
        raise NotAuthenticated("client", "No client has this secret")
    if client.id != client_id:
        raise NotAuthenticated("client", "The client secret belongs to another client identifier")
    if row.stopped or client.stopped:
        raise NotAuthenticated("stopped", "The client or its secret was revoked", client.id)
    return row


def _trust(connection: Connection, client_id: str, claimed: Claimed) -> Row:
    row = rows.trust_in(connection, claimed.issuer, claimed.subject, claimed.audience)
    if row is None:
        raise NotAuthenticated("assertion", "No federated credential has this issuer, subject and audience")
    if client_id not in ("", row.client_id):
        raise NotAuthenticated("assertion", "The federated credential belongs to another client identifier")
    return row


def _issue(connection: Connection, credential: Row, address: str) -> NewToken:
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
