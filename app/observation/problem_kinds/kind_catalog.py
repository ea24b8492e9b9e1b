"""This module lists all kinds of problem in the order in which they are tried."""

from collections.abc import Mapping

from app.observation.problem_kinds import access_kinds, request_format_kinds, value_kinds
from app.observation.problem_kinds.access_kinds import is_outside
from app.observation.problem_kinds.problem_kind import Kind
from app.request_record import Request

KINDS: tuple[Kind, ...] = (*access_kinds.KINDS, *value_kinds.KINDS, *request_format_kinds.KINDS)
"""All kinds, in the order in which they are tried; the last one fits all others."""

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}


def went_wrong(request: Request) -> bool:
    """Return whether a request is of any kind of problem.

    A DELETE that finds no resource is refused (RFC 7644 §3.6), but its purpose is already fulfilled.
    """
    is_fulfilled = request.method == "DELETE" and request.status == 404 and request.resource_type
    return (request.is_refused and not is_fulfilled) or is_outside(request)


def kind_of(request: Request) -> Kind:
    """Return the kind of a request that went wrong."""
    code = request.error_code
    return next(kind for kind in KINDS if (not kind.codes or code in kind.codes) and kind.fits(request))
