"""This module sends a browser to the provider and handles its return: a session, or a confirmed identity.

The result is one transaction, which verifies that the provider is unchanged and the user exists and is active, and
consumes the state. No account is ever created here.
"""

from datetime import UTC, datetime, timedelta

from app import bounds, clock
from app.administration import audit
from app.administration.accounts import sessions
from app.administration.accounts.sessions import SignedIn
from app.administration.audit import Action, Actor
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Ended, Refused
from app.administration.single_sign_on import provider_settings, user_lookup
from app.administration.single_sign_on.errors import Lost, NotLetIn, Unreachable
from app.administration.single_sign_on.pending_sign_in import Arrival, Journey, Purpose
from app.administration.single_sign_on.provider_client import ProviderClient, is_of_everybody
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
ANOTHER = "Another account signed in there. Sign in with your own account"
WRONG_TOO_OFTEN = "Another account signed in there too often, so this session is ended. Sign in again."

_STATE = "state"


def depart(line: ProviderClient, purpose: Purpose, wanted: str, session_id: str = "") -> tuple[str, Journey]:
    """Return the URL for the browser, and the state for its cookie. Raises Refused, Unreachable, ProviderError."""
    found = provider_settings.configured()
    if found is None:
        raise Refused(NOT_SET_UP)
    # A test sends the same request as a proof: only with max_age must a provider send auth_time, the time of the
    # sign-in (OpenID Connect Core §2).
    prompt, max_age = ("", None) if purpose == "sign-in" else ("login", 0)
    address, ticket = line.begin(found.issuer, found.client_id, prompt, max_age)
    kept = wanted if len(wanted.encode()) <= bounds.JOURNEY_NEXT_BYTES else ""
    return address, Journey(ticket, found.generation, purpose, kept, session_id)


def arrive(line: ProviderClient, arrival: Arrival) -> str:
    """Return the token of a new session for the user that the provider identifies.

    Raises Lost, NotLetIn, Unreachable.
    """
    claims = read_claims(line, arrival)
    with directory_database.writing() as connection:
        spend(connection, arrival)
        found = user_lookup.find(connection, claims)
        if found.person is not None:
            actor = Actor("person", found.person.user_name, arrival.browser.address)
            # A user name can be assigned to another person later; the id cannot.
            audit.record(connection, actor, Action.SIGNED_IN, by="single sign-on", person=found.person.id)
            proved = _proved(claims)
            return sessions.begin(connection, arrival.browser, "single sign-on", proved, user_id=found.person.id)
        _note_no_match(connection, arrival, claims, found)
    raise NotLetIn(arrival.number)


def prove(line: ProviderClient, arrival: Arrival, who: SignedIn) -> None:
    """Record in a user's session that their identity was confirmed, if the provider sends a recent auth_time.

    Raises Lost, NotLetIn, Unreachable, and Ended if the session ends after too many failures.
    """
    if who.is_local or who.session_id != arrival.journey.session_id:
        raise Lost
    claims = read_claims(line, arrival)
    actor, is_over = who.actor(arrival.browser.address), False
    with directory_database.writing() as connection:
        spend(connection, arrival)
        row = session_rows.find(connection, who.session_id)
        if row is None:
            raise Lost
        found = user_lookup.find(connection, claims)
        is_same = found.person is not None and found.person.id == who.user_id
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
        audit.record(connection, actor, Action.PROOF_REFUSED, because=because, reference=arrival.number, ended=ended)
        if is_over:
            session_rows.end(connection, who.session_id)
    if is_over:
        raise Ended(WRONG_TOO_OFTEN)
    if not is_same:
        raise NotLetIn(arrival.number, ANOTHER)
    raise NotLetIn(arrival.number, NO_AUTH_TIME if claims.auth_time is None else "The sign-in there was too long ago")


def read_claims(line: ProviderClient, arrival: Arrival) -> Claims:
    """Return the verified claims of the provider. Raises Lost, NotLetIn, Unreachable; the audit has the details."""
    try:
        return ask(line, arrival)
    except ProviderError as error:
        with directory_database.writing() as connection:
            spend(connection, arrival)
            nobody = Actor("nobody", address=arrival.browser.address)
            kept = {"code": error.code.value, "because": str(error), "reference": arrival.number}
            audit.record_refusal(connection, nobody, "", **kept)
        if is_of_everybody(error):
            raise Unreachable(unreachable(arrival.number)) from None
        if error.code is ProviderCode.SIGN_IN_REFUSED:
            raise NotLetIn(arrival.number, "The provider did not sign you in. Try again, or ask") from None
        if error.passes:
            raise NotLetIn(arrival.number, KEYS_CHANGED) from None
        raise NotLetIn(arrival.number) from None


def ask(line: ProviderClient, arrival: Arrival) -> Claims:
    """Return the verified claims, with errors for administrators. Raises Lost, Unreachable, ProviderError."""
    found, ticket = _same(provider_settings.configured(), arrival), arrival.journey.ticket
    try:
        code = line.read_answer(found.issuer, ticket, arrival.parameters)
    except ProviderError as error:
        if error.code is ProviderCode.WRONG_STATE:
            raise Lost from None
        raise
    with directory_database.reading() as connection:
        if used_once.is_used(connection, _STATE, hash_secret(ticket.state)):
            raise Lost
    return line.finish(found.issuer, found.client_id, found.sealed_secret, ticket, code)


def spend(connection: Connection, arrival: Arrival) -> None:
    """Consume the state in the transaction of the result. Raises Lost, also if the provider was changed."""
    row = rows.find(connection)
    _same(provider_settings.read(row) if row else None, arrival)
    now = clock.utc_now()
    expires = now + timedelta(seconds=bounds.JOURNEY_S + bounds.CLOCK_SLACK_S)
    state = hash_secret(arrival.journey.ticket.state)
    if not used_once.use(connection, _STATE, state, clock.to_wire(expires), clock.to_wire(now)):
        raise Lost


def unreachable(number: str) -> str:
    """Return the message for a user who cannot sign in because of an outage."""
    return (
        "The provider of single sign-on sent an invalid response. Administrators can sign in with their password; "
        f"reference {number}."
    )


def _same(found: Configured | None, arrival: Arrival) -> Configured:
    """Return the provider if it is unchanged since the start of the sign-in. Raises Lost."""
    if found is None or found.generation != arrival.journey.generation:
        raise Lost
    return found


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


def _note_no_match(connection: Connection, arrival: Arrival, claims: Claims, found: Match) -> None:
    audit.record_refusal(
        connection,
        Actor("nobody", address=arrival.browser.address),
        claims.name or claims.username,
        code=found.reason.value,
        because=found.because,
        identifier=found.identifier,
        reference=arrival.number,
    )
