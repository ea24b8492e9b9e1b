"""Single sign-on of provisioned people: which provider lets them in, the way there and back, and whom a token means.

Not here: the protocol (app/openid), pages and cookies (app/web), and which role somebody has (a mapping of its own).

    Refused           a rule says no; its text is for the person who asked
    ├─ Lost           what came back belongs to no sign-in that is under way here
    ├─ NotLetIn       the provider or the match says no; the audit says why
    └─ Unreachable    the provider cannot be spoken to at this moment
       └─ NoPlace     too many others speak to it, so it was not asked
"""

from app.administration.single_sign_on.entry import arrive, depart, prove, unreachable
from app.administration.single_sign_on.journey import Arrival, Journey, Purpose
from app.administration.single_sign_on.line import Line, Outage
from app.administration.single_sign_on.match import Match
from app.administration.single_sign_on.provider import CLOUDS, Configured, Entered, configured, remove, save
from app.administration.single_sign_on.refusals import Lost, NoPlace, NotLetIn, Unreachable
from app.administration.single_sign_on.trial import Trial, try_out

__all__ = [
    "Arrival",
    "CLOUDS",
    "Configured",
    "Entered",
    "Journey",
    "Line",
    "Lost",
    "Match",
    "NoPlace",
    "NotLetIn",
    "Outage",
    "Purpose",
    "Trial",
    "Unreachable",
    "arrive",
    "configured",
    "depart",
    "prove",
    "remove",
    "save",
    "try_out",
    "unreachable",
]
