"""This module declares the kinds of problem of one user or group: a refused value, a missing record."""

from collections.abc import Callable

from app.observation.problem_kinds.problem_kind import MAPPINGS, ON_DEMAND, PROVISIONING, Asked, Kind
from app.scim.errors import Code

READING = ("GET", "HEAD")


def _is_of(resource_type: str, attribute: str) -> Callable[[Asked], bool]:
    return lambda request: (request.resource_type, request.attribute) == (resource_type, attribute)


def _is_in_body(request: Asked) -> bool:
    return not asks_for_list(request)


def asks_for_list(request: Asked) -> bool:
    """Whether the refusal is about a list's parameters: its pages, its order, what it shows."""
    return request.method in READING or request.path.endswith(".search")


KINDS = (
    Kind(
        name="user-name-taken",
        title="userName already belongs to someone else",
        what="Another user here has this userName, in the same or another case. That user may be disabled.",
        fix=(
            "Open both users and decide whether they are the same person.",
            "Same person: make userName a matching attribute, then use Provision on demand for this user. Entra finds "
            "the existing user and updates it.",
            "Two people: give one of them another user principal name in Entra, and wait for the next sync.",
            "Delete nothing in Entra for this: a user that is deleted there is disabled here, and later deleted.",
        ),
        menu=f"{MAPPINGS} › Provision Microsoft Entra ID Users › userName",
        retry="single",
        codes=(Code.UNIQUENESS,),
        fits=_is_of("User", "userName"),
    ),
    Kind(
        name="group-name-taken",
        title="displayName already belongs to another group",
        what="Entra allows two groups with one name; a group here is found by its name, so it must be the only one.",
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
        title="A value already belongs to another record",
        what="The attribute must be unique, and another record has the value.",
        fix=("Change the value of one of the two in Entra, or map the attribute to one that is unique there.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.UNIQUENESS,),
    ),
    Kind(
        name="gone",
        title="Entra speaks of somebody who is not here",
        what="Entra remembers an id that no record here has: it was deleted, or this server's data is another than "
        "Entra knows. Entra's log calls it InvalidAnchor.",
        fix=(
            "If very many are concerned, see first that this server runs on the right data folder.",
            "Press Restart provisioning.",
            "If it comes back, restart through Microsoft Graph with resetScope Full: Entra then forgets its ids, and "
            "looks everybody up again.",
        ),
        menu=PROVISIONING,
        retry="lost",
        codes=(Code.NOT_FOUND,),
        fits=lambda request: bool(request.resource_type),
    ),
    Kind(
        name="value-strict",
        title="A value is missing that this server demands",
        what="The attribute is set to strict on the Attributes page, and Entra sends nothing for an empty value.",
        fix=(
            "Fill in the value in Entra, or map the attribute to one that everybody has.",
            "Or set it back to expected on the Attributes page here.",
        ),
        menu=f"{MAPPINGS} › Provision Microsoft Entra ID Users",
        retry="single",
        codes=(Code.REQUIRED_HERE,),
        fits=_is_in_body,
    ),
    Kind(
        name="value-missing",
        title="A required value is missing",
        what="Nobody can be kept without it: userName of a person, displayName of a group.",
        fix=("See that the attribute is mapped, and that its source is not empty for this person or group.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.MISSING_VALUE,),
        fits=_is_in_body,
    ),
    Kind(
        name="value-too-long",
        title="A value is too long",
        what="The text has more characters, the list more values, or the record more bytes than are kept here.",
        fix=("Shorten the value in Entra, or in the mapping with the expression Mid([attribute], 1, length).",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.VALUE_TOO_LONG,),
        fits=_is_in_body,
    ),
    Kind(
        name="value-wrong",
        title="A value has another form than its attribute",
        what="For instance a text where true or false belongs.",
        fix=("Change the mapping of the attribute, so that it gives what is expected.", "Try it with one person."),
        menu=f"{MAPPINGS}, then {ON_DEMAND}",
        retry="single",
        codes=(Code.INVALID_VALUE,),
        fits=_is_in_body,
    ),
    Kind(
        name="read-only",
        title="An attribute cannot be changed",
        what="It is given by this server, or may be set only once.",
        fix=("Remove the attribute from the mapping, or set Apply this mapping to Only during object creation.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.MUTABILITY,),
    ),
    Kind(
        name="no-target",
        title="A change leads to nothing",
        what="The path of the change finds no value that it could change.",
        fix=("See which target attribute the mapping names, and correct it.",),
        menu=MAPPINGS,
        retry="single",
        codes=(Code.NO_TARGET,),
    ),
    Kind(
        name="version-conflict",
        title="The record had changed meanwhile",
        what="The request was for one version of the record, and another one is here. Entra sends no versions.",
        fix=("Read the record again and repeat the change.",),
        menu="The client that sent it",
        retry="nobody",
        codes=(Code.PRECONDITION_FAILED,),
    ),
)
