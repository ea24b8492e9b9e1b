"""This module declares what a kind of problem is: its condition, its explanation and its fix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.request_record import Request
from app.scim.errors import Code

Retry = Literal["single", "lost", "job", "nobody"]
"""Who tries again: Entra this one person or group (single), the same in vain until the job is restarted (lost), its
whole job (job), or nobody, since Entra does not send such requests by itself."""

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
    """One row of the catalog. `name` is also the help page's; `fix` are steps, and `menu` says where they are done.

    The first kind of the catalog that has the code of a refused request, and `fits` it, is its kind; one without
    `codes` has them all. `is_of_key`: it is over with the next request that has a right key.
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
