"""This module declares the errors of SCIM and renders them (RFC 7644 §3.12).

ScimError            status  scimType
├─ invalid_filter    400     invalidFilter
├─ too_many          400     tooMany
├─ uniqueness        409     uniqueness
├─ mutability        400     mutability
├─ invalid_syntax    400     invalidSyntax
├─ invalid_path      400     invalidPath
├─ no_target         400     noTarget
├─ invalid_value     400     invalidValue
├─ invalid_cursor    400     invalidCursor      (these three: RFC 9865 §2.4)
├─ expired_cursor    400     expiredCursor
├─ invalid_count     400     invalidCount
└─ unauthorized 401 · forbidden, source_refused 403 · not_found 404 · not_allowed 405 · unresolved_reference 409 ·
   precondition_failed 412 · too_large, too_many_operations 413 · unsupported_media 415 · too_often 429 ·
   not_implemented 501 · unavailable 503
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"
RETRY_AFTER_S = 5
SHOWN_LENGTH = 60
SOURCE = "Source"
"""So begins the detail of a refusal for the address that a request came from; no attribute is called so."""

REFUSED_ALONE = frozenset({"invalidValue", "uniqueness", "noTarget", "mutability"})
"""The scimTypes of refusals that are about one value, whatever else a request has."""

_Error = TypeVar("_Error", bound=BaseException)
_KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


class ScimError(Exception):
    """A refusal: its HTTP status, a plain sentence for the administrator, and the scimType where Table 9 has one.

    `headers` are what HTTP asks to be sent along (`WWW-Authenticate`, `Retry-After`, `Allow`). `other_id` is the
    resource that stands in the way, for the administrator only: the client is not told. `is_separable`: it is about one
    value or one operation, so that others could be done without it (docs/decisions/0031-a-disable-is-not-lost.md).
    """

    def __init__(
        self,
        status: int,
        detail: str,
        scim_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        other_id: str = "",
        is_separable: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        self.headers = dict(headers or {})
        self.other_id = other_id
        self.is_separable = is_separable or scim_type in REFUSED_ALONE

    @property
    def attribute(self) -> str:
        """The path that the detail names, or nothing."""
        return read_detail(self.detail).attribute

    def to_scim(self) -> dict[str, Any]:
        """The Error message of RFC 7644 §3.12; `status` is text there."""
        body: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(self.status)}
        if self.scim_type:
            body["scimType"] = self.scim_type
        body["detail"] = self.detail
        return body


@dataclass(frozen=True, slots=True)
class Detail:
    """A detail taken apart: `attribute: expected …, got …`; "" for a part that it does not have."""

    attribute: str
    expected: str
    got: str


def read_detail(detail: str) -> Detail:
    """The parts of an error's detail, whose form is the same everywhere. Of several findings the first one counts."""
    attribute, is_named, rest = detail.partition(": expected ")
    if not is_named:
        return Detail("", "", "")
    expected, _, got = rest.partition("; ")[0].partition(", got ")
    return Detail(attribute, expected, got)


def shown(value: object) -> str:
    """A received value as an error may show it: short text and scalars as they came, anything else by its kind."""
    if value is None:
        return "null"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=True)
        return text if len(text) <= SHOWN_LENGTH else f"a text of {len(value)} characters"
    if isinstance(value, bool | int | float) and len(str(value)) <= SHOWN_LENGTH:
        return json.dumps(value)
    return _KINDS.get(type(value), "something else")


def detach(error: _Error) -> _Error:
    """Return the error itself; remove the traceback, cause and context of it and of each error behind it.

    An error that is stored, or that its own frames hold, keeps the request and its body in memory in a circle, until a
    late garbage collection.
    """
    behind: list[BaseException | None] = [error]
    while behind:
        if (one := behind.pop()) is not None:
            behind += (one.__cause__, one.__context__)
            one.__traceback__ = one.__cause__ = one.__context__ = None
    return error


def invalid_filter(detail: str, *, is_separable: bool = False) -> ScimError:
    """The filter's text is malformed or, `is_separable`, a comparison in it is not possible or it is too long."""
    return ScimError(400, f"filter: {detail}", "invalidFilter", is_separable=is_separable)


def too_many(detail: str) -> ScimError:
    """More was asked for than is worked on at once."""
    return ScimError(400, detail, "tooMany")


def uniqueness(attribute: str, value: object, other_id: str = "") -> ScimError:
    """Another resource, `other_id`, holds the value of an attribute that must be unique."""
    detail = f"{attribute}: expected a value that no other resource has, got {shown(value)}"
    return ScimError(409, detail, "uniqueness", other_id=other_id)


def mutability(detail: str) -> ScimError:
    """The attribute may not be changed (that way)."""
    return ScimError(400, detail, "mutability")


def invalid_syntax(detail: str) -> ScimError:
    """The body is no JSON, or has not the structure of its message."""
    return ScimError(400, detail, "invalidSyntax")


def invalid_path(detail: str, parameter: str = "path", *, is_separable: bool = False) -> ScimError:
    """A PATCH path does not follow the grammar of RFC 7644 §3.5.2, or another parameter leads to no attribute.

    `is_separable`: a path is only too long.
    """
    return ScimError(400, f"{parameter}: {detail}", "invalidPath", is_separable=is_separable)


def no_target(detail: str) -> ScimError:
    """A PATCH path leads to nothing that could be changed."""
    return ScimError(400, detail, "noTarget")


def invalid_value(detail: str) -> ScimError:
    """A required value is missing, or a value does not fit its attribute."""
    return ScimError(400, detail, "invalidValue")


def invalid_cursor() -> ScimError:
    """The cursor is none of ours, or of another query."""
    return ScimError(
        400, "cursor: expected nothing, or the nextCursor of the same query's answer before", "invalidCursor"
    )


def expired_cursor(after_s: int) -> ScimError:
    """The client waited too long for the next page."""
    return ScimError(400, f"cursor: expected one that is at most {after_s} seconds old; begin anew", "expiredCursor")


def invalid_count(detail: str) -> ScimError:
    """The size of a page cannot be that, or is another one than the pages before had."""
    return ScimError(400, f"count: {detail}", "invalidCount")


def unauthorized() -> ScimError:
    """The same answer for a missing, a wrong and a stopped key (RFC 6750 §3)."""
    return ScimError(
        401,
        "Authorization: expected 'Bearer' and a valid SCIM Key",
        headers={"WWW-Authenticate": 'Bearer realm="Recnice SCIM"'},
    )


def forbidden(detail: str) -> ScimError:
    """Understood, and refused whoever asks."""
    return ScimError(403, detail)


def source_refused() -> ScimError:
    """The request came from an address that is not on the allow list; its key was not looked at."""
    return ScimError(403, f"{SOURCE}: expected an address from which SCIM is allowed here")


def not_found(detail: str) -> ScimError:
    """No resource or endpoint is there. The detail never repeats the id or the path."""
    return ScimError(404, detail)


def not_allowed(detail: str, allow: str) -> ScimError:
    """The endpoint has not this method; `allow` is the Allow header."""
    return ScimError(405, detail, headers={"Allow": allow})


def unresolved_reference(reference: str) -> ScimError:
    """A `bulkId:` reference to what no operation of the request has made (RFC 7644 §3.7.1)."""
    return ScimError(409, f"bulkId: expected the bulkId of a POST that succeeded, got {shown(reference)}")


def precondition_failed(detail: str) -> ScimError:
    """If-Match or If-None-Match does not hold (RFC 7644 §3.14)."""
    return ScimError(412, detail)


def too_large(limit_bytes: int) -> ScimError:
    """The body is over the limit."""
    return ScimError(413, f"body: expected at most {limit_bytes} bytes")


def too_many_operations(limit: int) -> ScimError:
    """A bulk request has more operations than are worked on at once (RFC 7644 §3.7.4)."""
    return ScimError(413, f"Operations: expected at most {limit}")


def unsupported_media(got: str) -> ScimError:
    """The body is a browser's form, which is never SCIM."""
    return ScimError(415, f"Content-Type: expected application/scim+json, got {shown(got)}")


def too_often(retry_after_s: int) -> ScimError:
    """Too many failures from one address."""
    return ScimError(429, "Too many refused requests from this address", headers={"Retry-After": str(retry_after_s)})


def not_implemented(detail: str) -> ScimError:
    """A part of RFC 7644 that ServiceProviderConfig says is not offered."""
    return ScimError(501, detail)


def unavailable(detail: str) -> ScimError:
    """The database cannot be used just now; the client should try again."""
    return ScimError(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def busy() -> ScimError:
    """Too many changes wait for their turn already, or the present one takes too long."""
    return unavailable("The database is busy with other changes")
