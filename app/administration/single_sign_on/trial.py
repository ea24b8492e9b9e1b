"""*Test sign-in*: what the provider says of whoever signs in there, and whom that would let in. Nobody is let in by it.

Not here: the way there and back (entry.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.administration import audit
from app.administration.audit import Action
from app.administration.permissions import Permission
from app.administration.sessions import SignedIn
from app.administration.single_sign_on import entry, match
from app.administration.single_sign_on.journey import Arrival
from app.administration.single_sign_on.line import Line
from app.administration.single_sign_on.match import Match
from app.administration.single_sign_on.refusals import Lost
from app.openid.errors import ProviderError
from app.store import accounts


@dataclass(frozen=True, slots=True)
class Trial:
    """The claims as bounded text and the match for them; or `refused`, the sentence about what went wrong before."""

    claims: Mapping[str, str] = field(default_factory=dict)
    match: Match | None = None
    says_when: bool = False
    refused: str = ""


def try_out(line: Line, arrival: Arrival, who: SignedIn) -> Trial:
    """For whoever began the test, in the session in which it was begun. Raises Lost, Unreachable."""
    if arrival.journey.session_id != who.session_id:
        raise Lost
    actor = who.actor(arrival.browser.address, Permission.SINGLE_SIGN_ON)
    try:
        claims = entry.ask(line, arrival)
    except ProviderError as error:
        with accounts.writing() as store:
            entry.spend(store, arrival)
            audit.record(store, actor, Action.PROVIDER_TESTED, because=str(error), code=error.code.value)
        return Trial(refused=str(error))
    with accounts.writing() as store:
        entry.spend(store, arrival)
        found = match.find(store.connection(), claims)
        outcome = found.because or "would be let in"
        audit.record(store, actor, Action.PROVIDER_TESTED, found.name, identifier=found.identifier, outcome=outcome)
    return Trial(claims.shown, found, claims.auth_time is not None)
