"""This module evaluates If-Match and If-None-Match (RFC 7644 §3.14, RFC 9110 §13)."""

import re
from dataclasses import dataclass

from app.scim.errors import Code, ScimError
from app.scim.projection import entity_tag

_TAG = re.compile(r'"([^"]*)"\s*+(?:,|\Z)')


@dataclass(frozen=True, slots=True)
class Precondition:
    """The two headers as received; None: missing. Tags are compared weakly, since all of this server are weak."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, version: int) -> None:
        """Raise 412 if this version must not be changed."""
        if self.if_match is not None and not _names(self.if_match, version):
            raise ScimError(Code.PRECONDITION_FAILED, "If-Match", f"{entity_tag(version)}, which is the version here")
        if self.is_known(version):
            raise ScimError(Code.PRECONDITION_FAILED, "If-None-Match", f"another version than {entity_tag(version)}")

    def is_known(self, version: int) -> bool:
        """Return whether If-None-Match names this version: a GET is then answered 304."""
        return self.if_none_match is not None and _names(self.if_none_match, version)


NONE = Precondition()


def _names(header: str, version: int) -> bool:
    return header.strip() == "*" or str(version) in _TAG.findall(header)
