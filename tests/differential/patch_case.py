"""One PATCH operation on one user, and what we and the other implementation make of it.

Both results are compared as a request would keep them, checked as a whole: RFC 7643 §2.4 keeps no value twice, and one
that only says whether it is primary says nothing. Not here: why the two may differ (patch_differences.py).
"""

from dataclasses import dataclass
from typing import Any

from app.scim import patch
from app.scim.attribute import Attribute
from app.scim.errors import ScimError
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import USER
from tests.differential.other import KEPT, OtherRefusedError, patched

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True)
class Case:
    """One operation on one user and what either side made of it: the user's attributes, or a scimType."""

    document: dict[str, Any]
    operation: dict[str, Any]
    ours: dict[str, Any] | str
    theirs: dict[str, Any] | str

    @property
    def names(self) -> list[str]:
        """The attributes that are not the same after the operation; none where one side refuses."""
        if isinstance(self.ours, str) or isinstance(self.theirs, str):
            return []
        return [name for name in self.ours | self.theirs if self.ours.get(name) != self.theirs.get(name)]

    @property
    def paths(self) -> list[str]:
        return [self.operation["path"]] if "path" in self.operation else list(self.operation["value"])

    def targets(self) -> list[tuple[Attribute, ...]]:
        """What the paths without filters lead to."""
        return [found for path in self.paths if (found := USER.tree.find(path))]


def attributes_of(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in KEPT}


def case(document: dict[str, Any], operation: dict[str, Any]) -> Case:
    ours: dict[str, Any] | str
    theirs: dict[str, Any] | str
    try:
        ours = attributes_of(USER.load(patch.apply(USER, document, read_patch({"Operations": [operation]}))[0]))
    except ScimError as refused:
        assert refused.status == 400
        ours = refused.scim_type or ""
    try:
        theirs = attributes_of(USER.load(patched(document, operation)))
    except OtherRefusedError as refused:
        theirs = refused.scim_type
    return Case(document, operation, ours, theirs)
