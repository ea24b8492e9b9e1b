"""This package signs users in by OpenID Connect.

Refused           a rule says no; its text is for the person who asked
├─ Lost           what came back belongs to no sign-in that is under way here
├─ NotLetIn       the provider or the match says no; the audit says why
└─ Unreachable    the provider cannot be spoken to at this moment
   └─ NoPlace     too many others speak to it, so it was not asked
"""

from app.administration.single_sign_on.errors import Lost, NoPlace, NotLetIn, Unreachable
from app.administration.single_sign_on.pending_sign_in import Arrival, Journey, Purpose
from app.administration.single_sign_on.provider_client import Outage, ProviderClient
from app.administration.single_sign_on.provider_settings import CLOUDS, Configured, Entered, configured, remove, save
from app.administration.single_sign_on.provider_sign_in import arrive, depart, prove, unreachable
from app.administration.single_sign_on.trial_sign_in import Trial, try_out
from app.administration.single_sign_on.user_lookup import Match

__all__ = [
    "Arrival",
    "CLOUDS",
    "Configured",
    "Entered",
    "Journey",
    "ProviderClient",
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
