"""This module derives mistakes in Entra's mapping from received shapes, by a table of rules.

Each rule looks at the last value, so it no longer applies once the mapping is fixed. No rule applies before a value
arrives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.observation.attributes.attribute_arrivals import ADD, REPLACE
from app.observation.attributes.coverage import MappedRow
from app.observation.attributes.usual_entra_mapping import ADDITIVE_ROLES, WHOLE_ROLES, WORK_EMAIL, advice, where
from app.observation.attributes.value_shapes import (
    A_LIST,
    AN_OBJECT,
    BOOLEAN_AS_TEXT,
    EMAIL_ADDRESS,
    JSON_TEXT,
    LIST_SHAPES,
    OBJECT_ID,
)


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint: the `name` of its rule, what is wrong, and what to do in Entra ("" for nothing)."""

    name: str
    is_warning: bool
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class HintRule:
    """A condition on a row and the texts of its hint. `paths`: the mapped paths that it applies to; empty means all."""

    name: str
    holds: Callable[[MappedRow], bool]
    text: Callable[[MappedRow], str]
    remedy: Callable[[MappedRow], str] = lambda _: ""
    is_warning: bool = True
    paths: frozenset[str] = frozenset()


def hints(row: MappedRow) -> Sequence[Hint]:
    """Return the hints of all rules for a row, warnings first."""
    hints = (
        Hint(rule.name, rule.is_warning, rule.text(row), rule.remedy(row))
        for rule in RULES
        if (not rule.paths or row.path in rule.paths) and rule.holds(row)
    )
    return sorted(hints, key=lambda hint: not hint.is_warning)


def _mapped_as_usual(row: MappedRow) -> str:
    return advice(row.resource_type, row.path)


def _is_never_sent(row: MappedRow) -> bool:
    return row.has_arrivals and not row.filled and not row.arrivals


def _last_change_of_roles(row: MappedRow) -> str:
    """Return the way and shape of the last change of roles, or "".

    Creations do not count: they send a list in every mode.
    """
    changes = [one for one in row.value_arrivals if one.way in (ADD, REPLACE)]
    return f"{changes[0].way} {changes[0].shape}" if changes else ""


def _people(row: MappedRow, number: int) -> str:
    noun = "users" if row.resource_type == "User" else "groups"
    return f"{number:,} of {row.total:,} {noun}"


RULES: Sequence[HintRule] = (
    HintRule(
        "external-id-nickname",
        lambda row: bool(row.shape) and row.shape != OBJECT_ID,
        lambda row: (
            f"The last value is {row.shape}, not an object ID: a nickname or address can change and can belong "
            "to another person later."
        ),
        _mapped_as_usual,
        paths=frozenset({"externalId"}),
    ),
    HintRule(
        "roles-additive",
        lambda row: _last_change_of_roles(row) == f"{ADD} {LIST_SHAPES[JSON_TEXT]}",
        lambda _: f"Roles are sent in additive mode ({ADDITIVE_ROLES}): roles are added and never removed.",
        _mapped_as_usual,
        paths=frozenset({"roles"}),
    ),
    HintRule(
        "roles-as-text",
        lambda row: bool(row.shape) and row.shape not in (A_LIST, AN_OBJECT, *LIST_SHAPES.values()),
        lambda _: "One role is sent as plain text: users with several roles are sent with only one of them.",
        lambda row: (
            f"In Entra, {where(row.resource_type)}: if users have more than one role, map "
            f"{WHOLE_ROLES}([appRoleAssignments]) to roles."
        ),
        is_warning=False,
        paths=frozenset({"roles"}),
    ),
    HintRule(
        "active-never-sent",
        _is_never_sent,
        lambda _: "It was never sent, so Entra cannot disable users who leave.",
        _mapped_as_usual,
        paths=frozenset({"active"}),
    ),
    HintRule(
        "active-as-text",
        lambda row: row.shape == BOOLEAN_AS_TEXT,
        lambda _: "It is sent as text, as Entra does without the flag aadOptscim062020. This is supported.",
        is_warning=False,
        paths=frozenset({"active"}),
    ),
    HintRule(
        "never-sent",
        lambda row: _is_never_sent(row) and row.mapped.is_listed_required and row.path != "active",
        lambda _: "It was never sent. It is not mapped, or empty for all users: Entra does not send empty attributes.",
        _mapped_as_usual,
    ),
    HintRule(
        "only-empty",
        lambda row: not row.filled and not row.value_arrivals and bool(row.arrivals),
        lambda _: "It was only sent empty, or removed.",
        is_warning=False,
    ),
    HintRule(
        "no-address",
        lambda row: bool(row.shape) and row.shape != EMAIL_ADDRESS,
        lambda row: f"The last value is {row.shape}, not an e-mail address.",
        _mapped_as_usual,
        paths=frozenset({WORK_EMAIL}),
    ),
    HintRule(
        "user-name-no-address",
        lambda row: bool(row.shape) and row.shape != EMAIL_ADDRESS,
        lambda row: f"The last value is {row.shape}, while a userPrincipalName looks like an e-mail address.",
        _mapped_as_usual,
        paths=frozenset({"userName"}),
    ),
    HintRule(
        "without-address",
        lambda row: 0 < row.filled < row.total,
        lambda row: f"{_people(row, row.lacking)} have none: mail is empty in Entra for users without a mailbox.",
        is_warning=False,
        paths=frozenset({WORK_EMAIL}),
    ),
    HintRule(
        "an-id",
        lambda row: row.mapped.type == "String" and row.path != "externalId" and row.shape == OBJECT_ID,
        lambda _: "An object ID is sent where a name is expected: the source is probably wrong.",
        lambda row: f"In Entra, {where(row.resource_type)}: look at the source of {row.path}.",
    ),
    HintRule(
        "an-address",
        lambda row: row.shape == EMAIL_ADDRESS,
        lambda _: "An e-mail address is sent where a name is expected.",
        lambda row: f"In Entra, {where(row.resource_type)}: look at the source of {row.path}.",
        is_warning=False,
        paths=frozenset({"displayName", "name.givenName", "name.familyName", "name.formatted", "title"}),
    ),
    HintRule(
        "strict-gaps",
        lambda row: row.strict is not None and row.lacking > 0,
        lambda row: f"It is required here, but {_people(row, row.lacking)} have no value. They are not affected.",
        is_warning=False,
    ),
)
"""The rules, in the order of the rows that they apply to."""
