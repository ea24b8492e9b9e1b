"""This module cuts and masks request texts, so that no key, password or token is kept.

Values of declared attributes stay, cut short, so that a failed request can be understood. For other names only the
kind of the value stays.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from app import bounds
from app.request_record import GUID
from app.scim.attribute import Attribute
from app.scim.errors import Mismatch, ScimError
from app.scim.grammar import parse_path
from app.scim.protocol_messages import VERBS
from app.scim.resource_types import ResourceType

MASK = "[masked]"
MORE = "…"

_SECRET_NAME = re.compile(r"passw|secret|token|credential|pwd", re.IGNORECASE)
_BEARER = re.compile(r"\bbearer\b[\s:]+[^\s,;\"']+", re.IGNORECASE)
_KEY = re.compile(r"rcn_[A-Za-z0-9_-]*", re.IGNORECASE)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,2}")
_OUR_SECRET = (
    re.compile(  # 32 random bytes: the middle of a key, or a session; a name rarely has this length and mixture
        r"(?<![\w-])(?=[\w-]*[0-9])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[A-Za-z0-9_-]{43}(?![\w-])", re.ASCII
    )
)
_SUSPICIOUS = re.compile(r"bearer|rcn_|eyJ|[A-Za-z0-9_-]{43}", re.IGNORECASE | re.ASCII)
"""What a text with any of these secrets has, so that most texts are searched once."""
_RUN = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_ID = re.compile(rf"{GUID}|[0-9a-f]{{32}}", re.IGNORECASE)
_NAME = re.compile(r"urn:[A-Za-z0-9:._-]{1,120}|[A-Za-z][A-Za-z0-9._$-]{0,39}")
_TYPED = re.compile(r'"(?:[^"\\]|\\.)*"?')
_KINDS: Mapping[type, str] = {bool: "true or false", int: "a number", float: "a number", dict: "an object"}


def masked(text: str, limit: int = bounds.KEPT_REASON_LENGTH) -> str:
    """Return the text cut to `limit`, without what looks like a SCIM Key, a JWT, a Bearer token or another long secret.

    Such a secret is a run of 32 characters or more with a digit or an underscore in it; ids stay.
    """
    return _cut(_RUN.sub(_mask_run, _without_keys(text[: limit * 4])), limit)


def masked_name(name: str, limit: int = bounds.KEPT_NAME_LENGTH) -> str:
    """Return the name of a user or group, cut to `limit`, without a SCIM Key, a JWT or a Bearer token.

    A long run of letters and digits stays: `SG_APP_Finance_Reporting_Readers_EU` is a name.
    """
    return _cut(_without_keys(name[: limit * 4]), limit)


def _without_keys(text: str) -> str:
    if not _SUSPICIOUS.search(text):
        return text
    for pattern in (_BEARER, _KEY, _JWT, _OUR_SECRET):
        text = pattern.sub(MASK, text)
    return text


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + MORE


def _mask_run(match: re.Match[str]) -> str:
    run = match.group()
    is_secret = not _ID.fullmatch(run) and any(character.isdigit() or character in "_+=" for character in run)
    return MASK if is_secret else run


def names_secret(text: str) -> bool:
    """Return whether a text mentions a password, a secret or a token."""
    return _SECRET_NAME.search(text) is not None


def kept_error(error: ScimError, is_about_secret: bool) -> ScimError:
    """Return an error as it may be kept: without the received value if the request names a secret anywhere."""
    if not is_about_secret and not names_secret(error.detail):
        return error
    first, *others = (
        Mismatch(one.code, *(_TYPED.sub('"…"', text) for text in (one.attribute, one.expected)))
        for one in (error.mismatch, *error.others)
    )
    sentence = _TYPED.sub('"…"', error.sentence)
    return ScimError(*first, others=others, more=error.more, sentence=sentence, other_id=error.other_id)


def body(sent: Any, resource_type: ResourceType | None) -> str:
    """Return the JSON of a refused request as text that may be kept; `resource_type` is its subject, if any.

    At most `bounds.KEPT_BODY_LENGTH` characters; a longer one ends in the middle.
    """
    kept = _BodyRedactor(resource_type).whole(sent)
    text = json.dumps(kept, ensure_ascii=False, separators=(", ", ": "))
    return text if len(text) <= bounds.KEPT_BODY_LENGTH else text[: bounds.KEPT_BODY_LENGTH - 1] + MORE


def unread_body(size_bytes: int) -> str:
    """Return what is kept of a body that is not JSON."""
    return f"(no JSON that can be read: {size_bytes} bytes)"


class _BodyRedactor:
    """The redaction of one body, which stops when enough of it is kept."""

    def __init__(self, resource_type: ResourceType | None) -> None:
        self.tree = resource_type.tree if resource_type else None
        self.left = bounds.KEPT_VALUES

    def whole(self, value: Any) -> Any:
        """Return what is kept of a message or of a value for the whole resource: an object, or a list of objects.

        The names in it are attributes, dotted paths, URNs, or a message's own.
        """
        if isinstance(value, list):
            return self.each(value, self.whole)
        return self.members(value, self.member) if isinstance(value, dict) else self.kind(value)

    def member(self, name: str, value: Any) -> Any:
        if name.lower() == "operations" and isinstance(value, list):
            return self.each(value, self.operation)
        if name.lower() == "schemas":
            return self.each(value, self.urn) if isinstance(value, list) else self.kind(value)
        return self.whole(value) if self.is_whole(name) else self.value(self.attribute(name), value, name)

    def operation(self, operation: Any) -> Any:
        """Return what is kept of one operation of a PATCH; its names are case-insensitive."""
        if not isinstance(operation, dict):
            return self.kind(operation)
        path = {name.lower(): value for name, value in operation.items()}.get("path")
        return {self.name(name): self.operation_member(name.lower(), value, path) for name, value in operation.items()}

    def operation_member(self, name: str, value: Any, path: Any) -> Any:
        """Return what is kept of a member of an operation with this path."""
        if name == "op" and isinstance(value, str) and value.lower() in VERBS:
            return value
        if name == "path":
            return self.path(value)
        if name != "value":
            return self.kind(value)
        if path is None or self.is_whole(path):
            return self.whole(value)
        path = path if isinstance(path, str) else ""
        return self.value(self.attribute(path), value, path)

    def path(self, path: Any) -> Any:
        """Return a path to a known attribute as received; of another path only its beginning, if that is a name."""
        if not isinstance(path, str):
            return self.kind(path)
        beginning, bracket, _ = path.partition("[")
        if names_secret(path) or self.attribute(path) is None:
            return self.name(beginning) + (f"[{MORE}]" if bracket else "")
        return masked(path, bounds.KEPT_VALUE_LENGTH)

    def is_whole(self, path: Any) -> bool:
        return self.tree is not None and isinstance(path, str) and self.tree.is_whole(path)

    def attribute(self, path: str) -> Attribute | None:
        """Return the attribute that a path leads to; None if it is unknown here."""
        if self.tree is None or not path:
            return None
        try:
            target = parse_path(path, self.tree)
        except ScimError:
            return None
        return None if target is None else target.part or target.attribute

    def value(self, attribute: Attribute | None, value: Any, name: str) -> Any:
        """Return a value of an attribute, as far as it may be kept."""
        if attribute is None or attribute.traits.returned == "never" or names_secret(name):
            return self.kind(value)
        if isinstance(value, list):
            return self.each(value, lambda one: self.value(attribute, one, name))
        if isinstance(value, dict):
            return self.parts(attribute, value)
        self.left -= 1
        return masked(value, bounds.KEPT_VALUE_LENGTH) if isinstance(value, str) else value

    def parts(self, attribute: Attribute, values: Mapping[str, Any]) -> dict[str, Any]:
        parts = attribute.sub_attributes
        return self.members(values, lambda name, value: self.value(parts.get(name.lower()), value, name))

    def members(self, values: Mapping[str, Any], keep: Callable[[str, Any], Any]) -> dict[str, Any]:
        """Return the members of an object as `keep` returns them, by name and value, until enough is kept."""
        kept: dict[str, Any] = {}
        for name, value in values.items():
            if self.is_over():
                kept[MORE] = MORE
                break
            kept[self.name(name)] = keep(name, value)
        return kept

    def each(self, values: list[Any], keep: Callable[[Any], Any]) -> list[Any]:
        kept = []
        for number, one in enumerate(values):
            if self.is_over():
                kept.append(f"and {len(values) - number} more")
                break
            kept.append(keep(one))
        return kept

    def is_over(self) -> bool:
        self.left -= 1
        return self.left < 0

    def urn(self, value: Any) -> Any:
        return self.name(value) if isinstance(value, str) else self.kind(value)

    @staticmethod
    def name(name: str) -> str:
        """Return a name if it looks like one of an attribute."""
        return masked(name, bounds.KEPT_NAME_LENGTH) if _NAME.fullmatch(name) else "(a name)"

    @staticmethod
    def kind(value: Any) -> str:
        """Return the type of a value, without any of its text."""
        if value is None:
            return "(null)"
        if isinstance(value, list):
            return f"(a list of {len(value)})"
        if isinstance(value, str):
            return f"(text of {len(value)})"
        return f"({_KINDS[type(value)]})"
