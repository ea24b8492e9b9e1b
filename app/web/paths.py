"""Which kind of path a request has: what the log tells of a path, whatever stands in it.

Not here: which view answers (routing does that).
"""

import re
from collections.abc import Sequence

from app import bounds
from app.observation.request import TOKEN
from app.scim.resource_types import ResourceType
from app.web.proxy import SCIM_ROOT, is_scim, is_token_endpoint

ROOT, SEARCH, UNKNOWN, OUTSIDE = "/", ".search", "unknown", "outside"
DISCOVERY = frozenset({"Schemas", "ResourceTypes", "ServiceProviderConfig"})
_SINGLES = frozenset({"Bulk", "Me", SEARCH, *DISCOVERY})
_WORD = re.compile(rf"v2|[A-Za-z.]{{1,{bounds.KEPT_SEGMENT_LENGTH}}}")


def kind_of(path: str, types: Sequence[ResourceType]) -> str:
    """`Users`, `Users/{id}`, `Users/.search`, `Schemas`, `Schemas/{id}`, `Bulk`, `/` for the root itself, `unknown`.

    `path` is without the sub-path; what is not below /scim is `outside`, and the token endpoint `token`.
    """
    if not is_scim(path):
        return TOKEN if is_token_endpoint(path) else OUTSIDE
    segments = path.removeprefix(SCIM_ROOT).removesuffix("/").split("/")[1:]
    if segments[:1] == ["v2"]:
        segments = segments[1:]
    endpoints = {one.endpoint.removeprefix("/") for one in types}
    match segments:
        case []:
            return ROOT
        case [name] if name in _SINGLES or name in endpoints:
            return name
        case [name, more] if name in endpoints and more:
            return f"{name}/{more if more == SEARCH else '{id}'}"
        case [name, more] if name in ("Schemas", "ResourceTypes") and more:
            return f"{name}/{{id}}"
    return UNKNOWN


def knocks(path: str, types: Sequence[ResourceType]) -> bool:
    """Whether a path that leads nowhere looks like a SCIM client's, as with a wrong Tenant URL."""
    names = {one.endpoint.removeprefix("/") for one in types} | DISCOVERY
    return not names.isdisjoint(path.strip("/").split("/")[-2:])


def shown(path: str) -> str:
    """A path that leads nowhere as it may be kept: only short words of letters, anything else could be a secret."""
    segments = path.split("/")[1:]
    words = [one if not one or _WORD.fullmatch(one) else "…" for one in segments[: bounds.KEPT_SEGMENTS]]
    return "/" + "/".join([*words, *(["…"] if len(segments) > len(words) else [])])
