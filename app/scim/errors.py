"""This module declares the errors of SCIM and renders them (RFC 7644 §3.12).

`Code` is the table of all refusals, with the HTTP status and scimType of each.
"""

import errno
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple, TypeVar

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"
RETRY_AFTER_S = 5
SHOWN_LENGTH = 60

_Error = TypeVar("_Error", bound=BaseException)
_KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


class Code(StrEnum):
    """The reason for a refusal: the name that the request log stores, the HTTP status and the scimType (Table 9).

    `is_separable`: it affects one value or one operation, so that others could be processed without it
    (docs/decisions/0031-a-disable-is-not-lost.md). `headers` are sent with every such answer.
    """

    status: int
    scim_type: str | None
    is_separable: bool
    headers: Mapping[str, str]

    def __new__(
        cls,
        code: str,
        status: int,
        scim_type: str | None = None,
        is_separable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> "Code":
        self = str.__new__(cls, code)
        self._value_ = code
        self.status, self.scim_type, self.is_separable, self.headers = status, scim_type, is_separable, headers or {}
        return self

    # --- one value, or one operation
    INVALID_VALUE = "invalid-value", 400, "invalidValue", True
    MISSING_VALUE = "missing-value", 400, "invalidValue", True
    REQUIRED_HERE = "required-here", 400, "invalidValue", True
    VALUE_TOO_LONG = "value-too-long", 400, "invalidValue", True
    UNIQUENESS = "uniqueness", 409, "uniqueness", True
    MUTABILITY = "mutability", 400, "mutability", True
    NO_TARGET = "no-target", 400, "noTarget", True

    # --- a text with a grammar (RFC 7644 §3.4.2.2, §3.5.2); unusable ones follow it, but are too long, or compare what
    # cannot be compared
    INVALID_FILTER = "invalid-filter", 400, "invalidFilter"
    UNUSABLE_FILTER = "unusable-filter", 400, "invalidFilter", True
    INVALID_PATH = "invalid-path", 400, "invalidPath"
    UNUSABLE_PATH = "unusable-path", 400, "invalidPath", True

    # --- the message
    INVALID_SYNTAX = "invalid-syntax", 400, "invalidSyntax"
    TOO_MANY = "too-many", 400, "tooMany"
    UNRESOLVED_REFERENCE = "unresolved-reference", 409  # RFC 7644 §3.7.1
    PRECONDITION_FAILED = "precondition-failed", 412  # RFC 7644 §3.14
    TOO_LARGE = "too-large", 413
    TOO_MANY_OPERATIONS = "too-many-operations", 413  # RFC 7644 §3.7.4
    UNSUPPORTED_MEDIA = "unsupported-media", 415

    # --- the pages of a list (RFC 9865 §2.4)
    INVALID_CURSOR = "invalid-cursor", 400, "invalidCursor"
    EXPIRED_CURSOR = "expired-cursor", 400, "expiredCursor"
    INVALID_COUNT = "invalid-count", 400, "invalidCount"

    # --- authentication and authorization. One answer for a missing, an unknown and a revoked key (RFC 6750 §3)
    UNAUTHORIZED = "unauthorized", 401, None, False, {"WWW-Authenticate": 'Bearer realm="Recnice SCIM"'}
    FORBIDDEN = "forbidden", 403
    SOURCE_REFUSED = "source-refused", 403
    NOT_FOUND = "not-found", 404
    NOT_ALLOWED = "not-allowed", 405
    TOO_OFTEN = "too-often", 429
    NOT_IMPLEMENTED = "not-implemented", 501

    # --- the HTTP request
    BAD_REQUEST = "bad-request", 400
    WRONG_HOST = "wrong-host", 400
    URI_TOO_LONG = "uri-too-long", 414
    HEAD_TOO_LARGE = "head-too-large", 431

    # --- this server
    INTERNAL = "internal", 500
    UNAVAILABLE = "unavailable", 503, None, False, {"Retry-After": str(RETRY_AFTER_S)}
    DAMAGED = "damaged", 503, None, True, {"Retry-After": str(RETRY_AFTER_S)}  # the database

    @classmethod
    def of(cls, status: int, scim_type: str = "", code: str = "") -> "Code":
        """Return the code with a value; without one, as for HTTP's errors, the first with a status and a scimType."""
        stored = (one for one in cls if one == code)
        alike = (one for one in cls if (one.status, one.scim_type or "") == (status, scim_type))
        return next(chain(stored, alike), cls.INTERNAL if status >= 500 else cls.BAD_REQUEST)


class Mismatch(NamedTuple):
    """One mismatch: the attribute, path or header, what was expected and what was received.

    The parts are words of a sentence; "" for a part that it does not have.
    """

    code: Code
    attribute: str = ""
    expected: str = ""
    got: str | int = ""

    def __str__(self) -> str:
        name = f"{self.attribute}: " if self.attribute else ""
        return f"{name}expected {self.expected}" + (f", got {self.got}" if self.got != "" else "")


class ScimError(Exception):
    """A refusal. Status and scimType follow from the code, `detail` from the mismatches, of which the first decides.

    `more` counts mismatches that are not named; `sentence` is the detail of an error without mismatches. `headers` are
    sent in addition to those of the code. `other_id` is the resource that already has the unique value, for the
    administrator only: the client does not get it.
    """

    def __init__(
        self,
        code: Code,
        attribute: str = "",
        expected: str = "",
        got: str | int = "",
        *,
        others: Sequence[Mismatch] = (),
        more: int = 0,
        sentence: str = "",
        headers: Mapping[str, str] | None = None,
        other_id: str = "",
    ) -> None:
        self.mismatch = Mismatch(code, attribute, expected, got)
        mismatches = "; ".join(map(str, (self.mismatch, *others))) + (f" (and {more} more)" if more else "")
        self.detail = sentence or mismatches
        super().__init__(self.detail)
        self.code = code
        self.status = code.status
        self.scim_type = code.scim_type
        self.others = tuple(others)
        self.more = more
        self.sentence = sentence
        self.headers = {**code.headers, **(headers or {})}
        self.other_id = other_id

    def to_scim(self) -> dict[str, Any]:
        """Return the Error message of RFC 7644 §3.12; `status` is text there."""
        scim_type = {"scimType": self.scim_type} if self.scim_type else {}
        return {"schemas": [ERROR_URN], "status": str(self.status), **scim_type, "detail": self.detail}


def shown(value: object) -> str:
    """Return a received value as an error may contain it: short text and scalars unchanged, else only the kind."""
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

    A stored error, or one that its own frames hold, forms a reference cycle. The cycle keeps the request and its body
    in memory until a late garbage collection.
    """
    behind: list[BaseException | None] = [error]
    while behind:
        if (one := behind.pop()) is not None:
            behind += (one.__cause__, one.__context__)
            one.__traceback__ = one.__cause__ = one.__context__ = None
    return error


def unresolved_reference(reference: str) -> ScimError:
    """Return the refusal of a `bulkId:` reference to what no operation of the request has created (RFC 7644 §3.7.1)."""
    return ScimError(Code.UNRESOLVED_REFERENCE, "bulkId", "the bulkId of a POST that succeeded", shown(reference))


def unavailable(sentence: str) -> ScimError:
    """Return the refusal while the database cannot be used; the client should try again."""
    return ScimError(Code.UNAVAILABLE, sentence=sentence)


_SHORTAGES = {
    errno.EMFILE: "the server has no more open files",
    errno.ENFILE: "the system has no more open files",
    errno.ENOMEM: "memory is short",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
}


def shortage(error: BaseException) -> ScimError | None:
    """Return the refusal for an error that means a shortage of this host, such as memory; None for any other error."""
    if isinstance(error, MemoryError):
        reason: str | None = _SHORTAGES[errno.ENOMEM]
    else:
        reason = _SHORTAGES.get(error.errno or 0) if isinstance(error, OSError) else None
    return unavailable(f"The service cannot answer now: {reason}") if reason else None


def busy() -> ScimError:
    """Return the refusal while too many changes wait for their turn already, or the present one takes too long."""
    return unavailable("The database is busy with other changes")
