"""This module declares the parts of a kind of problem; the texts of each kind are in the files `*_kinds.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.request_record import Request
from app.scim.errors import Code

Retry = Literal["single", "lost", "job", "nobody"]
"""Who retries.

single: Entra retries this user or group. lost: the same, without success until the job is restarted. job: Entra retries
the whole job. `nobody`: Entra does not send such requests.
"""

RETRIES: dict[Retry, str] = {
    "single": "Entra retries this user or group after 6, 12 and 24 hours, then daily, for up to 28 days.",
    "lost": "Entra retries daily, without success until provisioning is restarted.",
    "job": "It affects the whole provisioning job: Entra retries in its next sync, and about once a day while the "
    "job is in quarantine.",
    "nobody": "Entra does not send such requests. The client that sent this one has to retry.",
}

APPLICATION = "Enterprise apps › your application"
PROVISIONING = f"{APPLICATION} › Provisioning"
CREDENTIALS = f"{PROVISIONING} › Connect your application (older layout: Admin Credentials)"
MAPPINGS = f"{PROVISIONING} › Mappings"
USER_MAPPING = (
    f"{MAPPINGS} › Synchronize Microsoft Entra users to Recnice (custom app: Provision Microsoft Entra ID Users)"
)
ON_DEMAND = f"{PROVISIONING} › Provision on demand"
PROXY = "The reverse proxy in front of this server"
HERE = "This server"
ADDRESSES = "This server › IP allow list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the catalog. `name` is also that of the help page; `fix` are steps, and `menu` says where to do them.

    A refused request is of the first kind in the catalog that has its code and whose `fits` is true; one without
    `codes` has all codes. `is_of_key`: the next request with a valid key closes the problem.
    """

    name: str
    title: str
    what: str
    fix: tuple[str, ...]
    menu: str
    retry: Retry
    codes: tuple[Code, ...] = ()
    fits: Callable[[Request], bool] = lambda request: True
    is_of_key: bool = False

    @property
    def stops_sync(self) -> bool:
        """Whether it affects every request of a client."""
        return self.retry == "job"
