"""The other implementation: scim2-models, asked what we ask ourselves, its answers in our shapes.

It reads strictly by the RFC, save for three of its own switches: unknown names are skipped as here, a remove takes only
the values that it lists, and an add makes the value that its filter describes. Not here: whose answer is right.
"""

import copy
import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from pydantic import ValidationError
from scim2_models import EnterpriseUser, ExtensibleStringEnum, PatchOp, SCIMException, ScimFilter, ScimPolicy, User

OTHER_USER = User[EnterpriseUser]
PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
KEPT = {"schemas", "id", "meta"}

if not hasattr(Enum, "__deepcopy__"):
    # Before Python 3.11.5 (gh-106602), a deep copy of an enum member gets it from the class by its name. That fails for
    # a value outside the enum: scim2-models makes a member for it that is not an attribute of the class.
    ExtensibleStringEnum.__deepcopy__ = lambda member, memo: member


class OtherRefusedError(Exception):
    """The other implementation refuses; `scim_type` is its own word for why."""

    def __init__(self, scim_type: str, detail: str) -> None:
        super().__init__(f"{scim_type}: {detail}")
        self.scim_type = scim_type


def user(document: dict[str, Any]) -> Any:
    return OTHER_USER.model_validate(copy.deepcopy(document))


def reader(text: str) -> Callable[[Any], bool]:
    """Whether a user fulfills the filter. Raises OtherRefusedError for a text that is no filter."""
    try:
        parsed = ScimFilter[OTHER_USER](text)
        parsed.match(user({"schemas": [], "userName": "nobody"}), strict=True)
    except SCIMException as refused:
        raise OtherRefusedError("invalidFilter", str(refused)) from None
    return lambda given: bool(parsed.match(given, strict=True))


def patched(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The document after one operation. Raises OtherRefusedError."""
    policy = ScimPolicy(
        unknown="ignore",
        remove_value_as_filter="apply",
        unmatched_path_filter="create" if operation["op"] == "add" else "forbid",
    )
    changed = user(document)
    try:
        message = {"schemas": [PATCH_URN], "Operations": [operation]}
        PatchOp[OTHER_USER].model_validate(message, scim_policy=policy).patch(changed, scim_policy=policy)
    except SCIMException as refused:
        raise OtherRefusedError(refused.scim_type or "", str(refused)) from None
    except ValidationError as refused:
        problem = refused.errors()[0]
        raise OtherRefusedError(problem["type"].removeprefix("scim_"), problem["msg"]) from None
    sent = json.loads(changed.model_dump_json())
    return {name: value for name, value in sent.items() if name not in KEPT}
