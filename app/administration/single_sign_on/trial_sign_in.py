"""This module runs *Test sign-in*, which displays the claims of the provider and the user that they match.

It creates no session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.administration import audit
from app.administration.accounts.sessions import SignedIn
from app.administration.audit import Action
from app.administration.permissions import Permission
from app.administration.single_sign_on import provider_sign_in, user_lookup
from app.administration.single_sign_on.errors import Lost
from app.administration.single_sign_on.pending_sign_in import Arrival
from app.administration.single_sign_on.provider_client import ProviderClient
from app.administration.single_sign_on.user_lookup import Match
from app.openid.errors import ProviderError
from app.store.database import directory_database


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a test: the claims as shortened text and their match, or `refused`, the error as a sentence."""

    claims: Mapping[str, str] = field(default_factory=dict)
    match: Match | None = None
    says_when: bool = False
    refused: str = ""


def try_out(line: ProviderClient, arrival: Arrival, who: SignedIn) -> Trial:
    """Finish a test in the session in which it was started, and return the result. Raises Lost, Unreachable."""
    if arrival.journey.session_id != who.session_id:
        raise Lost
    actor = who.actor(arrival.browser.address, Permission.SINGLE_SIGN_ON)
    try:
        claims = provider_sign_in.ask(line, arrival)
    except ProviderError as error:
        with directory_database.writing() as connection:
            provider_sign_in.spend(connection, arrival)
            audit.record(connection, actor, Action.PROVIDER_TESTED, because=str(error), code=error.code.value)
        return Trial(refused=str(error))
    with directory_database.writing() as connection:
        provider_sign_in.spend(connection, arrival)
        found = user_lookup.find(connection, claims)
        detail = {"identifier": found.identifier, "outcome": found.because or "can sign in"}
        audit.record(connection, actor, Action.PROVIDER_TESTED, found.name, **detail)
    return Trial(claims.shown, found, claims.auth_time is not None)
