"""The plain lines of the Activity page: each rule of the tables, said of real changes."""

from typing import Any, get_args

import pytest

from app import bounds
from app.observation.directory.history_reader import Event, NamedMembershipChange
from app.observation.request_list import Known, RequestEntry
from app.request_record import KeyFault, Request, RequestAction
from app.scim.differences import Change, in_detail
from app.web.console.monitoring import event_lines, event_sentences
from app.web.console.monitoring.event_lines import ClientText

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
ANA, BO, CY, TEAM = (f"{n}0000000-0000-4000-8000-000000000000" for n in "1234")
KNOWN = {
    ANA: Known("User", "Ana Ruiz"),
    BO: Known("User", "Bo Chen"),
    CY: Known("User", "Cy Ode"),
    TEAM: Known("Group", "Editors"),
}


def written(**values: Any) -> Request:
    """A row of the log: a change of Ana that succeeded, but for what is given."""
    row: dict[str, Any] = {
        "id": 7,
        "number": "1a2b3c4d",
        "at": "2026-01-31T08:00:00.000Z",
        "method": "PATCH",
        "path": "Users/{id}",
        "status": 200,
        "duration_ms": 3.5,
        "key_id": "0a0b0c0d",
        "action": "change",
        "resource_type": "User",
        "resource_id": ANA,
        "resource_name": "Ana Ruiz",
        "cycle_id": 1,
    }
    texts = ("code", "scim_type", "reason", "attribute", "key_fault", "address", "dialect", "other_id", "body")
    return Request(**dict.fromkeys(texts, "") | row | values)


def event(*changes: Change, verb: Any = "change", **values: Any) -> Event:
    """What was done to Ana."""
    row = {"resource_type": "User", "resource_id": ANA, "name": "Ana Ruiz", "version": 2} | values
    told = {"id": 1, "at": "2026-01-31T08:00:00.000Z", "request": "1a2b3c4d", "actor": "key 0a0b0c0d"}
    return Event(**told | row, verb=verb, changes=tuple(in_detail(changes)))


def link(member_id: str, has_joined: bool = True, name: str = "") -> NamedMembershipChange:
    """Somebody joined Editors or left it."""
    name = name or (KNOWN[member_id].name if member_id in KNOWN else member_id)
    moment = "2026-01-31T08:00:00.000Z"
    return NamedMembershipChange(
        *(1, moment, "1a2b3c4d", "key 0a0b0c0d", TEAM, member_id, has_joined), group_name="Editors", member_name=name
    )


def said(*events: Event, links: Any = (), about: str = "", **values: Any) -> list[str]:
    """The lines of one request as plain texts."""
    entry = RequestEntry(written(**values), events, links, KNOWN)
    return [line.text for line in event_lines.lines(entry, about)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change("active", True, False), "Ana Ruiz was disabled"),
        (Change("active", None, False), "Ana Ruiz was disabled"),
        (Change("active", False, True), "Ana Ruiz was enabled again"),
        (Change("active", None, True), "Ana Ruiz was enabled"),
        (Change("displayName", "Ana Ruiz", "Ana Ruiz-Lopez"), "Ana Ruiz is now called Ana Ruiz-Lopez"),
        (Change("displayName", None, "Ana Ruiz"), "Ana Ruiz is now called Ana Ruiz"),
        (Change("displayName", "Ana", None), "Ana, displayName: Ana was removed"),
        (Change("userName", "a@b.example", "c@b.example"), "Ana Ruiz has a new sign-in name: c@b.example"),
        (Change(ENTERPRISE + "department", "Sales", "Legal"), "Ana Ruiz moved from Sales to Legal"),
        (Change(ENTERPRISE + "department", None, "Legal"), "Ana Ruiz is now in Legal"),
        (Change(ENTERPRISE + "department", "Sales", None), "Ana Ruiz is no longer in Sales"),
        (Change("title", "Engineer", "Lead"), "Ana Ruiz, title: Engineer → Lead"),
        (Change("title", None, "Lead"), "Ana Ruiz, title: Lead"),
        (Change("title", "Lead", None), "Ana Ruiz, title: Lead was removed"),
        (Change(ENTERPRISE + "manager", None, {"value": BO}), "Ana Ruiz has a new manager: Bo Chen"),
        (Change(ENTERPRISE + "manager", {"value": BO}, {"value": "?"}), "Ana Ruiz has a new manager: ?"),
        (Change(ENTERPRISE + "manager", {"value": BO}, None), "Ana Ruiz no longer has a manager"),
        (
            Change("emails", [{"type": "work", "value": "a@b"}], [{"type": "work", "value": "c@d"}]),
            "Ana Ruiz has a new e-mail address: c@d",
        ),
        (Change("name", {"givenName": "Ana"}, {"givenName": "Anna"}), "Ana Ruiz, name.givenName: Ana → Anna"),
        (Change(ENTERPRISE + "costCenter", 1, 2.5), "Ana Ruiz, costCenter: 1 → 2.5"),
        (Change("roles", None, [{"value": "x"}, {"value": "y"}]), 'Ana Ruiz, roles: [{"value": "x"}, {"value": "y"}]'),
    ],
)
def test_a_change_is_said_by_its_rule(change: Change, expected: str):
    assert said(event(change)) == [expected]


def test_every_rule_is_said_of_some_change():
    values = (None, True, False, "a", "b")
    paths = {rule.path for rule in event_sentences.RULES} | {"nickName"}
    changes = [Change(path, old, new) for path in paths - {""} for old in values for new in values if old is not new]
    first = {next(rule for rule in event_sentences.RULES if rule.fits(change)) for change in changes}
    assert first == set(event_sentences.RULES)


def test_of_many_changes_two_are_said_and_the_rest_counted():
    changes = [Change(f"x{n}", 1, 2) for n in range(3)]
    department = Change(ENTERPRISE + "department", "Sales", "Legal")
    title = Change("title", "Engineer", "Lead")
    assert said(event(title, department)) == ["Ana Ruiz moved from Sales to Legal; title: Engineer → Lead"]
    assert said(event(*changes[:2])) == ["Ana Ruiz, x0: 1 → 2; x1: 1 → 2"]
    assert said(event(*changes)) == ["Ana Ruiz, x0: 1 → 2; x1: 1 → 2; and 1 more change"]
    together = said(event(*changes, title, department, Change("active", True, False)))
    assert together == ["Ana Ruiz was disabled and moved from Sales to Legal; and 4 more changes"]
    [line] = event_lines.lines(RequestEntry(written(), [event(*changes)], (), KNOWN))
    assert [change.attribute for change in line.changes] == ["x0", "x1", "x2"]


def test_a_long_value_is_cut_in_the_line_alone():
    value = "x" * 300
    [line] = event_lines.lines(RequestEntry(written(), [event(Change("title", None, value))], (), KNOWN))
    assert line.text == f"Ana Ruiz, title: {'x' * (bounds.LINE_VALUE_LENGTH - 1)}…"
    assert line.changes[0].new == value


def test_only_who_is_here_is_a_link():
    names = [
        next(part for part in line.parts if isinstance(part, ClientText))
        for known in (KNOWN, {})
        for line in event_lines.lines(RequestEntry(written(), [event(Change("title", None, "Lead"))], (), known))
    ]
    assert [(name.text, name.type, name.id) for name in names] == [("Ana Ruiz", "User", ANA), ("Ana Ruiz", "User", "")]


def test_coming_and_going():
    assert said(event(verb="create")) == ["Ana Ruiz was created"]
    assert said(event(Change("active", True, None), verb="delete")) == ["Ana Ruiz was deleted"]
    gone = event(verb="delete", departed=3)
    assert said(gone) == ["Ana Ruiz was deleted", "Ana Ruiz left 3 groups"]
    team = {"resource_type": "Group", "resource_id": TEAM, "name": "Editors"}
    assert said(event(verb="delete", departed=3, **team)) == ["Editors was deleted"]
    joined = event(verb="create", joined=1, **team)
    assert said(joined, links=[link(ANA)]) == ["Editors was created", "Ana Ruiz joined Editors"]


@pytest.mark.parametrize(
    ("joined", "departed", "links", "about", "expected"),
    [
        (1, 0, [link(ANA)], "", ["Ana Ruiz joined Editors"]),
        (0, 1, [link(ANA, False)], "", ["Ana Ruiz left Editors"]),
        (2, 0, [link(ANA), link(BO)], "", ["Ana Ruiz and Bo Chen joined Editors"]),
        (3, 0, [link(ANA), link(BO), link(CY)], "", ["3 users joined Editors"]),
        (1_234, 0, [link(ANA), link(BO)], "", ["1,234 users joined Editors"]),
        (3, 0, [link(ANA), link(BO), link("nobody")], "", ["3 members joined Editors"]),
        (3, 0, [link(ANA), link(BO), link(TEAM)], "", ["3 members joined Editors"]),
        (3, 0, [link(ANA), link(BO), link("gone", name="Dee Fox")], "", ["3 users joined Editors"]),
        (3, 0, [link(ANA), link(BO), link(CY)], BO, ["Bo Chen and 2 others joined Editors"]),
        (2, 0, [link(ANA), link(BO)], BO, ["Bo Chen and Ana Ruiz joined Editors"]),
        (1, 0, [], "", ["1 member joined Editors"]),
        (
            1,
            2,
            [link(ANA), link(BO, False), link(CY, False)],
            "",
            ["Ana Ruiz joined Editors", "Bo Chen and Cy Ode left Editors"],
        ),
    ],
)
def test_memberships(joined: int, departed: int, links: list[NamedMembershipChange], about: str, expected: list[str]):
    moved = event(joined=joined, departed=departed, resource_type="Group", resource_id=TEAM, name="Editors")
    assert said(moved, links=links, about=about) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"action": "probe"}, "Connection check (Test Connection or the start of a sync)"),
        ({"action": "match"}, "Entra looked up Ana Ruiz"),
        ({"action": "match", "resource_id": "", "resource_name": ""}, "Entra looked up a user: no match"),
        (
            {"action": "match", "resource_type": "Group", "resource_id": "", "resource_name": ""},
            "Entra looked up a group: no match",
        ),
        ({"action": "list"}, "Entra listed users"),
        ({"action": "read"}, "Entra read Ana Ruiz"),
        ({"action": "schema", "path": "Schemas"}, "Entra asked what this service offers (Schemas)"),
        ({"action": "confirm"}, "Ana Ruiz already had these values, so nothing changed"),
        (
            {"action": "confirm", "attribute": "shoeSize, desk"},
            "Nothing changed for Ana Ruiz, because these attributes are not stored here: shoeSize, desk",
        ),
        ({"action": "disable"}, "Ana Ruiz was disabled"),
        ({"action": "bulk"}, "A bulk request"),
        ({"action": "", "method": "GET", "path": "unknown"}, "GET unknown"),
        (
            {"status": 409, "reason": "userName: expected one that nobody has"},
            "Refused: changing Ana Ruiz – userName: expected one that nobody has",
        ),
        ({"status": 400, "method": "POST", "resource_id": "", "resource_name": ""}, "Refused: creating a user"),
        ({"status": 404, "method": "GET", "path": "unknown", "resource_type": ""}, "Refused: GET unknown"),
        (
            {"status": 401, "key_fault": "twice-bearer"},
            "Refused: the word Bearer was pasted into Entra with the key",
        ),
    ],
)
def test_what_changed_nothing_is_told_by_its_deed(row: dict[str, Any], expected: str):
    assert said(**row) == [expected]


def test_every_deed_and_every_fault_of_a_key_has_words():
    assert set(get_args(RequestAction)) - {"match"} == set(event_sentences.ACTIONS)
    assert set(get_args(KeyFault)) - {""} == set(event_sentences.KEY_FAULTS)
