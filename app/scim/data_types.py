"""This module implements SCIM's simple data types as marshmallow fields (RFC 7643 §2.3).

`spelled` is the only place where a value in another spelling is converted to its type: POST, PUT, PATCH and filters all
use it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from app import bounds
from app.scim.errors import Code, Mismatch, shown
from app.scim.json_body import read_number
from app.scim.value_comparison import WrongValueError, normalize_instant

# Controls but tab and line ends are not readable text, SQLite cuts text at NUL, lone surrogates are not text.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# With line ends and overrides of the writing direction, one name can look like another.
_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def wrong_value(expected: str, got: str | int, code: Code = Code.INVALID_VALUE) -> ValidationError:
    """Return marshmallow's error for one value; its path is added where it is caught (resource_types.py:invalid)."""
    return ValidationError([Mismatch(code, "", expected, got)])


class UnresolvedReference(str):
    """A reference to a resource that no operation of the bulk request created; it is refused like a wrong value."""


class Text(fields.Field[str]):
    """`string` (RFC 7643 §2.3.1): text as it was sent, never trimmed or changed; a JSON integer is its decimal text.

    Other clients: `{"employeeNumber": 701984}`.
    """

    scim_type: ClassVar[str] = "string"
    default_error_messages = {"null": [Mismatch(Code.MISSING_VALUE, "", "text", "null")]}
    case_exact: ClassVar[bool] = False
    takes_integers: ClassVar[bool] = True
    forbidden: ClassVar[re.Pattern[str]] = _FORBIDDEN
    longest: ClassVar[int] = bounds.TEXT_LENGTH

    def __init__(self, *, max_length: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.max_length = self.longest if max_length is None else max_length

    @classmethod
    def spelled(cls, value: Any) -> Any:
        """Return the text of an integer if the type accepts one, any other value unchanged."""
        return str(value) if cls.takes_integers and isinstance(value, int) and not isinstance(value, bool) else value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        value = self.spelled(value)
        if not isinstance(value, str):
            raise wrong_value("text", shown(value))
        if isinstance(value, UnresolvedReference):
            raise wrong_value("the bulkId of a POST that succeeded", shown(value))
        if len(value) > self.max_length:
            raise wrong_value(f"at most {self.max_length} characters", len(value), Code.VALUE_TOO_LONG)
        if character := self.forbidden.search(value):
            raise wrong_value("text without control characters", f"U+{ord(character.group()):04X}")
        return value


class Identifier(Text):
    """A `string` by which a client or this server identifies a record. It is never guessed: a number is refused."""

    takes_integers: ClassVar[bool] = False


class ResourceId(Identifier):
    """The id by which a value refers to another resource, as in `members` and `manager`."""


class ReadableIdentifier(Identifier):
    """An identifier that administrators read too: not blank, one line, no hidden changes of the writing direction."""

    forbidden: ClassVar[re.Pattern[str]] = _FORBIDDEN_IN_NAMES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip():
            raise wrong_value("a name", "only white space", Code.MISSING_VALUE)
        return text


class Reference(Text):
    """`reference` (RFC 7643 §2.3.7). Its form is not checked: Entra's validator sends free text for profileUrl."""

    scim_type: ClassVar[str] = "reference"
    case_exact: ClassVar[bool] = True
    takes_integers: ClassVar[bool] = False
    longest: ClassVar[int] = bounds.REFERENCE_LENGTH


class Binary(Text):
    """`binary` (RFC 7643 §2.3.6): base64 text in either alphabet, with or without padding, stored as it was sent."""

    scim_type: ClassVar[str] = "binary"
    case_exact: ClassVar[bool] = True
    takes_integers: ClassVar[bool] = False
    longest: ClassVar[int] = bounds.BINARY_LENGTH

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        plain = text.translate(_URL_SAFE)
        try:
            base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise wrong_value("base64 text", shown(value)) from None
        return text


_URL_SAFE = str.maketrans("-_", "+/", "\r\n \t")


class Instant(Text):
    """`dateTime` (RFC 7643 §2.3.5), stored as it was sent; no zone means UTC."""

    scim_type: ClassVar[str] = "dateTime"
    takes_integers: ClassVar[bool] = False

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            normalize_instant(text)
        except WrongValueError as error:
            raise wrong_value(error.expected, error.got) from None
        return text


class Decimal(fields.Field[int | float]):
    """`decimal` (RFC 7643 §2.3.3): a JSON number, or the same number as text.

    Entra: `{"op": "Add", "path": "urn:…:grade", "value": "2.5"}`, since its attributes are texts.
    """

    scim_type: ClassVar[str] = "decimal"
    default_error_messages = {"null": [Mismatch(Code.INVALID_VALUE, "", "a number", "null")]}
    case_exact: ClassVar[bool] = False
    expected: ClassVar[str] = "a number"

    @staticmethod
    def spelled(value: Any) -> Any:
        """Return the number that a text spells in JSON, any other value unchanged."""
        number = read_number(value) if isinstance(value, str) else None
        return value if number is None else number

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | float:
        value = self.spelled(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_value(self.expected, shown(value))
        if isinstance(value, int) and not bounds.INTEGER_MINIMUM <= value <= bounds.INTEGER_MAXIMUM:
            raise wrong_value("a number that fits 64 bits", shown(value))
        return value


class Integer(Decimal):
    """`integer` (RFC 7643 §2.3.4): a whole JSON number of 64 bits, including its sign."""

    scim_type: ClassVar[str] = "integer"
    default_error_messages = {"null": [Mismatch(Code.INVALID_VALUE, "", "a whole number", "null")]}
    expected: ClassVar[str] = "a whole number"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | float:
        if isinstance(self.spelled(value), float):
            raise wrong_value(self.expected, shown(value))
        return super()._deserialize(value, attr, data, **kwargs)


class Flag(fields.Field[bool]):
    """`boolean` (RFC 7643 §2.3.2), and the text that Entra sends for it.

    Entra: `{"op": "Replace", "path": "active", "value": "False"}` disables the user; the text is case-insensitive. Any
    other text is refused, since a guess could leave a leaver active.
    """

    scim_type: ClassVar[str] = "boolean"
    default_error_messages = {"null": [Mismatch(Code.INVALID_VALUE, "", "true or false", "null")]}
    case_exact: ClassVar[bool] = False
    words: ClassVar[Mapping[str, bool]] = MappingProxyType({"true": True, "false": False})

    @classmethod
    def spelled(cls, value: Any) -> Any:
        """Return the boolean that a text names, any other value unchanged."""
        return cls.words.get(value.lower(), value) if isinstance(value, str) else value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        value = self.spelled(value)
        if not isinstance(value, bool):
            raise wrong_value("true or false", shown(value))
        return value
