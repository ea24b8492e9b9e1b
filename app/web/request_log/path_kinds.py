"""This module classifies a request's path for the log."""

import re
from collections.abc import Sequence
from functools import cache

from app import bounds
from app.request_record import TOKEN
from app.scim.resource_types import ResourceType
from app.web.service_routing import RequestTarget, Service

ROOT, SEARCH, UNKNOWN, OUTSIDE = "/", ".search", "unknown", "outside"
DISCOVERY = frozenset({"Schemas", "ResourceTypes", "ServiceProviderConfig", "serviceConfiguration"})
_BELOW_ROOT = re.compile(r"/scim(?:/v2)?(?:/(.*?))?/?")
_PART = re.compile(r"<[^>]+>")
_WORD = re.compile(rf"v2|[A-Za-z.]{{1,{bounds.KEPT_SEGMENT_LENGTH}}}")


def kind_of(target: RequestTarget) -> str:
    """Return the kind of a path: `Users`, `Users/{id}`, `Users/.search`, `Schemas`, `Schemas/{id}`, `Bulk` and so on.

    The SCIM root is `/`, a path below it without a route `unknown`, the console `outside`, the token endpoint `token`.
    """
    if target.service is not Service.SCIM:
        return TOKEN if target.service is Service.TOKEN else OUTSIDE
    return _kind_of_rule(target.rule)


@cache  # there are as many as routes
def _kind_of_rule(rule: str) -> str:
    below = _BELOW_ROOT.fullmatch(rule)
    return (_PART.sub("{id}", below[1] or "") or ROOT) if below else UNKNOWN


def is_scim_client(path: str, types: Sequence[ResourceType]) -> bool:
    """Return whether a path without a route looks like a SCIM client's, as with a wrong Tenant URL."""
    names = {one.endpoint.removeprefix("/") for one in types} | DISCOVERY
    return not names.isdisjoint(path.strip("/").split("/")[-2:])


def shown(path: str) -> str:
    """Return a path without a route in the form that may be stored.

    Only short words of letters are kept: anything else could be a secret.
    """
    segments = path.split("/")[1:]
    words = [one if not one or _WORD.fullmatch(one) else "…" for one in segments[: bounds.KEPT_SEGMENTS]]
    return "/" + "/".join([*words, *(["…"] if len(segments) > len(words) else [])])
