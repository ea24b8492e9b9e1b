"""This package signs users in by OpenID Connect.

Refused           a rule forbids the action; its text is for the user
├─ Lost           the response belongs to no sign-in in progress
├─ NotLetIn       the provider refused the sign-in, or no user matches; the audit has the reason
└─ Unreachable    the provider does not respond correctly at the moment
   └─ NoPlace     too many requests to the provider are in progress, so none was sent
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
