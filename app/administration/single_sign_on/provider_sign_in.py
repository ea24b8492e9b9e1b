"""This module sends a browser to the provider and handles its return: a session, a confirmed identity, or a test.

The result is one transaction, which verifies that the provider is unchanged and the user exists and is active, and
consumes the state. No account is ever created here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app import bounds, clock
from app.administration import audit
from app.administration.accounts import sessions
from app.administration.accounts.sessions import SignedIn
from app.administration.audit import Action, Actor
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Ended, Refused
from app.administration.permissions import Permission
from app.administration.single_sign_on import provider_settings, user_lookup
from app.administration.single_sign_on.errors import Lost, SignInRefused, Unreachable
from app.administration.single_sign_on.pending_sign_in import PendingSignIn, ProviderReturn, Purpose
from app.administration.single_sign_on.provider_client import ProviderClient, affects_every_user
from app.administration.single_sign_on.provider_settings import Configured
from app.administration.single_sign_on.user_lookup import Match
from app.openid.errors import ProviderCode, ProviderError
from app.openid.id_token import Claims
from app.store.access import identity_provider_row as rows
from app.store.access import session_rows, used_once
from app.store.database import directory_database
from app.store.database.directory_database import Connection

NOT_SET_UP = "Single sign-on is not set up."
NO_AUTH_TIME = (
    "The provider does not send the time of the sign-in. An administrator must add the optional claim auth_time to the "
    "ID token of the app registration for sign-in"
)
KEYS_CHANGED = "The provider may have changed its keys. Try again in a minute, then ask your administrator"
TOO_LONG_AGO = "The sign-in there was too long ago"
ANOTHER = "Another account signed in there. Sign in with your own account"
WRONG_TOO_OFTEN = "Another account signed in there too often, so this session is ended. Sign in again."

_STATE = "state"


@dataclass(frozen=True, slots=True)
class SignInTest:
    """The result of *Test sign-in*: the shortened claims and their match, or `refused`, the error as a sentence."""

    claims: Mapping[str, str] = field(default_factory=dict)
    match: Match | None = None
    says_when: bool = False
    refused: str = ""


def begin(client: ProviderClient, purpose: Purpose, next_path: str, session_id: str = "") -> tuple[str, PendingSignIn]:
    """Return the URL for the browser, and the state for its cookie. Raises Refused, Unreachable, ProviderError."""
    provider = provider_settings.configured()
    if provider is None:
        raise Refused(NOT_SET_UP)
    # A test sends the same request as a proof: only with max_age must a provider send auth_time, the time of the
    # sign-in (OpenID Connect Core §2).
    prompt, max_age = ("", None) if purpose == "sign-in" else ("login", 0)
    address, ticket = client.begin(provider.issuer, provider.client_id, prompt, max_age)
    kept = next_path if len(next_path.encode()) <= bounds.PENDING_SIGN_IN_PATH_BYTES else ""
    return address, PendingSignIn(ticket, provider.generation, purpose, kept, session_id)


def sign_in(client: ProviderClient, answer: ProviderReturn) -> str:
    """Return the token of a new session for the user that the provider identifies.

    Raises Lost, SignInRefused, Unreachable.
    """
    claims = _read_claims(client, answer)
    with directory_database.writing() as connection:
        _spend(connection, answer)
        match = user_lookup.find(connection, claims)
        if match.person is not None:
            actor = Actor("person", match.person.user_name, answer.browser.address)
            # A user name can be assigned to another person later; the id cannot.
            audit.record(connection, actor, Action.SIGNED_IN, by="single sign-on", person=match.person.id)
            proved = _proved(claims)
            return sessions.begin(connection, answer.browser, "single sign-on", proved, user_id=match.person.id)
        audit.record_refusal(
            connection,
            Actor("nobody", address=answer.browser.address),
            claims.name or claims.username,
            code=match.reason.value,
            because=match.because,
            identifier=match.identifier,
            reference=answer.number,
        )
    raise SignInRefused(answer.number)


def prove(client: ProviderClient, answer: ProviderReturn, who: SignedIn) -> None:
    """Record in a user's session that their identity was confirmed, if the provider sends a recent auth_time.

    Raises Lost, SignInRefused, Unreachable, and Ended if the session ends after too many failures.
    """
    if who.is_local or who.session_id != answer.pending.session_id:
        raise Lost
    claims = _read_claims(client, answer)
    actor, is_over = who.actor(answer.browser.address), False
    with directory_database.writing() as connection:
        _spend(connection, answer)
        row = session_rows.find(connection, who.session_id)
        if row is None:
            raise Lost
        person = user_lookup.find(connection, claims).person
        is_same = person is not None and person.id == who.user_id
        if is_same and _is_fresh(claims):
            session_rows.change(connection, who.session_id, proved=_proved(claims), wrong_proofs=0)
            audit.record(connection, actor, Action.PROVED, by="single sign-on")
            return
        because = "the provider says no recent auth_time" if is_same else "somebody else signed in there"
        if not is_same:
            wrong_proofs = row.wrong_proofs + 1
            session_rows.change(connection, who.session_id, wrong_proofs=wrong_proofs)
            is_over = wrong_proofs >= bounds.WRONG_PROOFS
        ended = "the session" if is_over else ""
        audit.record(connection, actor, Action.PROOF_REFUSED, because=because, reference=answer.number, ended=ended)
        if is_over:
            session_rows.end(connection, who.session_id)
    if is_over:
        raise Ended(WRONG_TOO_OFTEN)
    if not is_same:
        raise SignInRefused(answer.number, ANOTHER)
    raise SignInRefused(answer.number, NO_AUTH_TIME if claims.auth_time is None else TOO_LONG_AGO)


def run_test(client: ProviderClient, answer: ProviderReturn, who: SignedIn) -> SignInTest:
    """Finish a test in the session in which it was started; create no session. Raises Lost, Unreachable."""
    if answer.pending.session_id != who.session_id:
        raise Lost
    actor = who.actor(answer.browser.address, Permission.SINGLE_SIGN_ON)
    try:
        claims = _ask(client, answer)
    except ProviderError as error:
        with directory_database.writing() as connection:
            _spend(connection, answer)
            audit.record(connection, actor, Action.PROVIDER_TESTED, because=str(error), code=error.code.value)
        return SignInTest(refused=str(error))
    with directory_database.writing() as connection:
        _spend(connection, answer)
        match = user_lookup.find(connection, claims)
        detail = {"identifier": match.identifier, "outcome": match.because or "can sign in"}
        audit.record(connection, actor, Action.PROVIDER_TESTED, match.name, **detail)
    return SignInTest(claims.shown, match, claims.auth_time is not None)


def _read_claims(client: ProviderClient, answer: ProviderReturn) -> Claims:
    """Return the verified claims of the user. Raises Lost, SignInRefused, Unreachable; the audit has the details."""
    try:
        return _ask(client, answer)
    except ProviderError as error:
        with directory_database.writing() as connection:
            _spend(connection, answer)
            client_actor = Actor("nobody", address=answer.browser.address)
            kept = {"code": error.code.value, "because": str(error), "reference": answer.number}
            audit.record_refusal(connection, client_actor, "", **kept)
        if affects_every_user(error):
            raise Unreachable(unreachable(answer.number)) from None
        if error.code is ProviderCode.SIGN_IN_REFUSED:
            raise SignInRefused(answer.number, "The provider did not sign you in. Try again, or ask") from None
        if error.passes:
            raise SignInRefused(answer.number, KEYS_CHANGED) from None
        raise SignInRefused(answer.number) from None


def _ask(client: ProviderClient, answer: ProviderReturn) -> Claims:
    """Return the verified claims, with errors for administrators. Raises Lost, Unreachable, ProviderError."""
    provider, ticket = _same(provider_settings.configured(), answer), answer.pending.ticket
    try:
        code = client.read_answer(provider.issuer, ticket, answer.parameters)
    except ProviderError as error:
        if error.code is ProviderCode.WRONG_STATE:
            raise Lost from None
        raise
    with directory_database.reading() as connection:
        if used_once.is_used(connection, _STATE, hash_secret(ticket.state)):
            raise Lost
    return client.finish(provider.issuer, provider.client_id, provider.sealed_secret, ticket, code)


def _spend(connection: Connection, answer: ProviderReturn) -> None:
    """Consume the state in the transaction of the result. Raises Lost, also if the provider was changed."""
    row = rows.find(connection)
    _same(provider_settings.read(row) if row else None, answer)
    now = clock.utc_now()
    expires = now + timedelta(seconds=bounds.PENDING_SIGN_IN_S + bounds.CLOCK_SLACK_S)
    state = hash_secret(answer.pending.ticket.state)
    if not used_once.use(connection, _STATE, state, clock.to_wire(expires), clock.to_wire(now)):
        raise Lost


def unreachable(number: str) -> str:
    """Return the message for a user who cannot sign in because of an outage."""
    return (
        "The provider of single sign-on sent an invalid response. Administrators can sign in with their password; "
        f"reference {number}."
    )


def _same(provider: Configured | None, answer: ProviderReturn) -> Configured:
    """Return the provider if it is unchanged since the start of the sign-in. Raises Lost."""
    if provider is None or provider.generation != answer.pending.generation:
        raise Lost
    return provider


def _proved(claims: Claims) -> str:
    """Return when the provider authenticated the user, in wire form; "" if it is not sent, or in the future.

    It may be long ago: a provider that remembers a sign-in does not ask the user again.
    """
    if claims.auth_time is None:
        return ""
    now = clock.utc_now()
    if claims.auth_time > now.timestamp() + bounds.CLOCK_SLACK_S:
        return ""
    return clock.to_wire(min(now, datetime.fromtimestamp(claims.auth_time, UTC)))


def _is_fresh(claims: Claims) -> bool:
    now = clock.utc_now().timestamp()
    return _proved(claims) != "" and claims.auth_time is not None and now - claims.auth_time <= bounds.PROOF_S
