"""The catalogue of problems: every refused request is of exactly one kind, and each kind says how it is mended.

Not here: the kinds themselves (kinds_of_*.py), and which problems there are (problems.py).
"""

from collections.abc import Mapping

from app.observation import kinds_of_access, kinds_of_messages, kinds_of_values
from app.observation.kind import Asked, Kind
from app.observation.kinds_of_access import is_outside

KINDS: tuple[Kind, ...] = (*kinds_of_access.KINDS, *kinds_of_values.KINDS, *kinds_of_messages.KINDS)
"""In the order in which they are asked; the last one fits whatever is left."""

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}


def went_wrong(request: Asked) -> bool:
    """Return whether a request is of any kind of problem.

    A DELETE that finds no resource is refused (RFC 7644 §3.6), but what it was meant to do is true already.
    """
    return (request.is_refused and not _is_deleted_already(request)) or is_outside(request)


def _is_deleted_already(request: Asked) -> bool:
    return request.method == "DELETE" and request.status == 404 and bool(request.resource_type)


def kind_of(request: Asked) -> Kind:
    """The kind of a request that went wrong."""
    return next(kind for kind in KINDS if kind.fits(request))
