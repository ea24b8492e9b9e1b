"""This module declares the kinds of problem of one user or group: a refused value, a missing record."""

from collections.abc import Callable

from app.observation.problem_kinds.problem_kind import MAPPINGS, ON_DEMAND, PROVISIONING, USER_MAPPING, Kind
from app.request_record import Request
from app.scim.errors import Code

READING = ("GET", "HEAD")


def _is_of(resource_type: str, attribute: str) -> Callable[[Request], bool]:
    return lambda request: (request.resource_type, request.attribute) == (resource_type, attribute)


def _is_in_body(request: Request) -> bool:
    return not asks_for_list(request)


def asks_for_list(request: Request) -> bool:
    """Return whether the refusal is about the parameters of a list: its pages, its order, its attributes."""
    return request.method in READING or request.path.endswith(".search")


KINDS = (
    Kind(
        name="user-name-taken",
        title="userName already in use",
        what="Another user here has this userName, in the same or another case. That user may be disabled.",
        fix=(
            "Open both users and decide whether they are the same person.",
            "Same person: make userName a matching attribute, then use Provision on demand for this user. Entra finds "
            "the existing user and updates it.",
            "Two people: give one of them another user principal name in Entra, and wait for the next sync.",
            "Delete nothing in Entra for this: a user that is deleted there is disabled here, and later deleted.",
        ),
        menu=f"{USER_MAPPING} › userName",
        retry="single",
        codes=(Code.UNIQUENESS,),
        fits=_is_of("User", "userName"),
    ),
    Kind(
        name="group-name-taken",
        title="displayName already in use by another group",
        what="Entra allows two groups with the same name. Here the name of a group is unique, because Entra finds "
        "groups by it.",
        fix=(
            "Rename one of the two groups in Entra.",
            "If one of them is not needed here, unassign it from the application. Entra then deletes it here.",
        ),
        menu="Groups › the group › Properties",
        retry="single",
        codes=(Code.UNIQUENESS,),
        fits=_is_of("Group", "displayName"),
    ),
    Kind(
        name="value-taken",
        title="Unique value already in use",
        what="The attribute is unique, and another user or group has the value.",
        fix=("Change the value of one of the two in Entra, or map the attribute to one that is unique there.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.UNIQUENESS,),
    ),
    Kind(
        name="gone",
        title="Unknown ID",
        what="Entra uses an ID that no user or group here has: it was deleted, or the server runs on another data "
        "folder. Entra's log calls it InvalidAnchor.",
        fix=(
            "If many are affected, check first that the server runs on the correct data folder.",
            "Press Restart provisioning.",
            "If it recurs, restart through Microsoft Graph with resetScope Full: Entra then deletes its stored IDs, "
            "and looks up all users and groups again.",
        ),
        menu=PROVISIONING,
        retry="lost",
        codes=(Code.NOT_FOUND,),
        fits=lambda request: bool(request.resource_type),
    ),
    Kind(
        name="value-strict",
        title="Missing value that is required here",
        what="The attribute is set to Required here on the Attributes page. Entra sends nothing for an empty value.",
        fix=(
            "Fill in the value in Entra, or map the attribute to one that every user has.",
            "Or set it to Recommended on the Attributes page.",
        ),
        menu=USER_MAPPING,
        retry="single",
        codes=(Code.REQUIRED_HERE,),
        fits=_is_in_body,
    ),
    Kind(
        name="value-missing",
        title="Missing required value",
        what="SCIM requires it: userName of a user, displayName of a group.",
        fix=("Check that the attribute is mapped, and that its source has a value for this user or group.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.MISSING_VALUE,),
        fits=_is_in_body,
    ),
    Kind(
        name="value-too-long",
        title="Value too long",
        what="The text, the list of values or the whole user or group is larger than the limit.",
        fix=("Shorten the value in Entra, or in the mapping with the expression Mid([attribute], 1, length).",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.VALUE_TOO_LONG,),
        fits=_is_in_body,
    ),
    Kind(
        name="value-wrong",
        title="Invalid value",
        what="The value does not have the type of its attribute, for example text instead of true or false.",
        fix=("Change the mapping of the attribute so that it sends what is expected.", "Try it with one user."),
        menu=f"{MAPPINGS}, then {ON_DEMAND}",
        retry="single",
        codes=(Code.INVALID_VALUE,),
        fits=_is_in_body,
    ),
    Kind(
        name="read-only",
        title="Read-only attribute",
        what="The server sets it, or it can be set only once.",
        fix=("Remove the attribute from the mapping, or set Apply this mapping to Only during object creation.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.MUTABILITY,),
    ),
    Kind(
        name="no-target",
        title="Change without a target",
        what="The path of the change matches no value.",
        fix=("Correct the target attribute of the mapping.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.NO_TARGET,),
    ),
    Kind(
        name="version-conflict",
        title="Version conflict",
        what="The request was for a version of the user or group that is no longer current. Entra sends no versions.",
        fix=("Read the user or group again and repeat the change.",),
        menu="The client that sent it",
        retry="nobody",
        codes=(Code.PRECONDITION_FAILED,),
    ),
)
