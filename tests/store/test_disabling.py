"""Who should be disabled is disabled: nothing but an explicit true enables, and no other value sinks a disable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from app import bounds
from app.administration import directory_totals
from app.provisioning import bulk_execution, resource_operations, resource_queries
from app.provisioning.resource_operations import Author
from app.scim.bulk_message import read_bulk
from app.scim.errors import ScimError
from app.scim.precondition import Precondition
from app.scim.protocol_messages import read_patch
from app.scim.recnice_mapping import ENTERPRISE_USER as ENTERPRISE
from app.scim.resource_types import RESOURCE_TYPES, USER
from app.store import integrity_check
from app.store.access import sign_in_users
from app.store.database import directory_database
from app.store.directory import console_lists
from app.store.directory.console_lists import State
from tests.examples import examples

CLIENT = Author("abc123", "key 1a2b3c4d")


def created(**values: Any) -> str:
    """The id of a new person."""
    return resource_operations.create(USER, {"userName": "ada", "externalId": "7"} | values, CLIENT).record.id


def patch(user_id: str, *operations: dict[str, Any]) -> resource_queries.Resource:
    return resource_operations.change(USER, user_id, read_patch({"Operations": list(operations)}), CLIENT)


def document(user_id: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(resource_queries.get(USER, user_id).record.document)
    return stored


def ids(state: State) -> Sequence[str]:
    with directory_database.reading() as connection:
        _, positions = console_lists.page(connection, USER, state, console_lists.Order(), 0, 10)
        return [record.id for record in console_lists.load(connection, USER, positions)]


CLEARING = {
    "replace with empty text": {"op": "Replace", "path": "active", "value": ""},
    "replace with null": {"op": "replace", "path": "active", "value": None},
    "replace without a value": {"op": "replace", "path": "active"},
    "add of null": {"op": "Add", "path": "active", "value": None},
    "null without a path": {"op": "replace", "value": {"active": None}},
    "empty text without a path": {"op": "add", "value": {"Active": ""}},
    "null under the core URN": {"op": "replace", "value": {USER.schema.urn: {"active": None}}},
    "remove": {"op": "remove", "path": "active"},
    "remove of a value": {"op": "remove", "path": "active", "value": False},
    "remove with the core URN": {"op": "remove", "path": f"{USER.schema.urn}:active"},
    "PUT without it": None,
    "PUT with null": {"active": None},
    "PUT with empty text": {"ACTIVE": ""},
}


@pytest.mark.parametrize("active", [False, True, None])
@pytest.mark.parametrize("name", CLEARING)
def test_clearing_active_changes_nothing(app: Flask, name: str, active: bool | None) -> None:
    given = {} if active is None else {"active": active}
    user_id = created(**given)
    before = resource_queries.get(USER, user_id).record
    clearing = CLEARING[name]
    if name.startswith("PUT"):
        body = {"userName": "ada", "externalId": "7"} | (clearing or {})
        after = resource_operations.replace(USER, user_id, body, CLIENT).record
    else:
        assert clearing is not None
        after = patch(user_id, clearing).record
    assert after == before, "neither the document nor the version"
    assert json.loads(after.document).get("active") == active


def test_everybody_who_asks_sees_a_person_disabled_after_active_was_cleared(app: Flask) -> None:
    user_id = created()
    assert ids("active") == [user_id] and directory_totals.overview().active_users == 1
    patch(user_id, {"op": "replace", "path": "active", "value": "False"})
    patch(user_id, {"op": "remove", "path": "active"}, {"op": "replace", "path": "title", "value": "Clerk"})
    resource_operations.replace(USER, user_id, {"userName": "ada", "title": "Chief"}, CLIENT)
    assert document(user_id)["title"] == "Chief"
    assert (ids("active"), ids("disabled")) == ([], [user_id])
    assert directory_totals.overview().active_users == 0
    with directory_database.reading() as connection:
        person = sign_in_users.person(connection, user_id)
        assert person is not None and not person.is_active
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
    patch(user_id, {"op": "replace", "path": "active", "value": "True"})
    assert (ids("active"), ids("disabled")) == ([user_id], [])


TAKEN = "taken@x.example"
LONG = "x" * (bounds.TEXT_LENGTH + 1)
LONG_PATH = f'emails[value eq "{"x" * bounds.PATH_LENGTH}"].type'
MANY_WORDS = f"emails[{' or '.join(['type pr'] * bounds.PATH_TOKENS)}].value"
DISABLE = {"op": "Replace", "path": "active", "value": "False"}
WORK = {"type": "work", "value": "ada@x.example"}
HELD = {"userName": "ada", "externalId": "7", "title": "Clerk", "emails": [WORK], "name": {"familyName": "L"}}
IMPOSSIBLE = {
    "a taken userName": ("userName", {"op": "Replace", "path": "userName", "value": TAKEN.upper()}, "uniqueness"),
    "no userName": ("userName", {"op": "Replace", "path": "userName", "value": ""}, "invalidValue"),
    "removal of what is required": ("userName", {"op": "Remove", "path": "userName"}, "mutability"),
    "a text that is too long": ("title", {"op": "Replace", "path": "title", "value": LONG}, "invalidValue"),
    "an object for a text": ("title", {"op": "Add", "path": "title", "value": {"a": 1}}, "invalidValue"),
    "a list for a text": ("title", {"op": "Replace", "path": "title", "value": ["a", "b"]}, "invalidValue"),
    "a replace without a value": ("title", {"op": "Replace", "path": "title"}, "invalidValue"),
    "no truth value": ("active", {"op": "Replace", "path": "active", "value": "perhaps"}, "invalidValue"),
    "too many values": (
        "ims",
        {"op": "Add", "path": "ims", "value": [{"value": str(n)} for n in range(bounds.VALUES_PER_ATTRIBUTE + 1)]},
        "invalidValue",
    ),
    "a value path that finds nothing": (
        'phoneNumbers[type eq "assistant"].value',
        {"op": "Replace", "path": 'phoneNumbers[type eq "assistant"].value', "value": "1"},
        "noTarget",
    ),
    "a part of a wrong type": (
        'emails[type eq "work"].value',
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": {"a": 1}},
        "invalidValue",
    ),
    "a read-only attribute": ("groups", {"op": "Add", "path": "groups", "value": [{"value": "g"}]}, "mutability"),
    "a remove without a path": ("path", {"op": "Remove"}, "noTarget"),
    "a text without a path": ("value", {"op": "Replace", "value": "x"}, "invalidValue"),
    "a wrong name without a path": ("title", {"op": "replace", "value": {"title": LONG}}, "invalidValue"),
    "a wrong part of an extension": (
        f"{ENTERPRISE}:department",
        {"op": "replace", "value": {ENTERPRISE: {"department": LONG}}},
        "invalidValue",
    ),
    **{
        f"the path {path}": (path, {"op": op, "path": path, "value": "x"}, "invalidFilter")
        for op, path in (
            ("Replace", "emails[primary gt true].value"),
            ("Add", "emails[primary eq 5].value"),
            ("Remove", "emails[primary co true]"),
            ("Replace", 'meta[created gt "yesterday"].version'),
            ("Replace", "emails[type gt null].value"),
            ("Replace", f'emails[value co "{"x" * (bounds.SEARCH_TEXT_LENGTH + 1)}"].type'),
            ("Replace", 'title[value eq "x"]'),
            ("Replace", "addresses[primary gt true and (not (type pr))].locality"),
            ("Replace", f"emails[{'(' * 17}type pr{')' * 17}].value"),
        )
    },
    "a path that is too long": (
        LONG_PATH,
        {"op": "Replace", "path": LONG_PATH, "value": "x"},
        "invalidPath",
    ),
    "a path of too many words": (
        MANY_WORDS,
        {"op": "Replace", "path": MANY_WORDS, "value": "x"},
        "invalidPath",
    ),
    "a text for an extension": (
        ENTERPRISE,
        {"op": "replace", "path": ENTERPRISE, "value": "x"},
        "invalidValue",
    ),
}


def place(resource: resource_queries.Resource) -> list[tuple[str, str | None]]:
    return [(one.path, one.error.scim_type) for one in resource.left_out]


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_patch_that_disables_somebody_leaves_out_what_is_refused(app: Flask, name: str, is_last: bool) -> None:
    created(userName=TAKEN)
    user_id = created(**HELD)
    path, impossible, scim_type = IMPOSSIBLE[name]
    nick = {"op": "Add", "path": "nickName", "value": "Ada"}
    changed = patch(user_id, *((nick, DISABLE, impossible) if is_last else (impossible, nick, DISABLE)))
    assert place(changed) == [(path, scim_type)]
    expected = USER.load(HELD | {"active": False, "nickName": "Ada"})
    assert document(user_id) == expected | {"id": user_id}
    assert list(document(user_id)) == ["schemas", "id", *(name for name in expected if name != "schemas")]
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_all_or_nothing_stays_in_every_other_patch(app: Flask, name: str) -> None:
    """Nobody is disabled: by no operation, by one that another takes back, or since the person was disabled before."""
    created(userName=TAKEN)
    _, impossible, scim_type = IMPOSSIBLE[name]
    nick = {"op": "Add", "path": "nickName", "value": "Ada"}
    enable = {"op": "Replace", "path": "active", "value": True}
    for active, operations in ((True, [nick, impossible]), (True, [nick, DISABLE, impossible, enable]), (False, None)):
        user_id = created(
            **HELD | {"userName": f"ada{active}{operations is None}{len(operations or ())}"}, active=active
        )
        before = document(user_id)
        with pytest.raises(ScimError) as refused:
            patch(user_id, *(operations or [nick, impossible, DISABLE]))
        assert refused.value.scim_type == scim_type
        assert document(user_id) == before


REFUSED_WHOLE = {
    "a malformed path": ({"op": "Replace", "path": "name..givenName", "value": "x"}, "invalidPath"),
    "a malformed filter": ({"op": "Replace", "path": 'emails[type is "x"].value', "value": "x"}, "invalidFilter"),
    "a malformed filter behind an impossible comparison": (
        {"op": "Replace", "path": 'emails[primary gt true and type is "x"].value', "value": "x"},
        "invalidFilter",
    ),
    "an open bracket behind an impossible comparison": (
        {"op": "Replace", "path": "emails[primary gt true", "value": "x"},
        "invalidFilter",
    ),
    "too much behind an impossible comparison": (
        {"op": "Replace", "path": 'title[value eq "x"]]', "value": "x"},
        "invalidPath",
    ),
    "too many names": (
        {"op": "Replace", "value": dict.fromkeys(map(str, range(bounds.PATCH_OPERATIONS + 1)), "x")},
        "tooMany",
    ),
}


@pytest.mark.parametrize("name", REFUSED_WHOLE)
def test_what_is_malformed_is_refused_beside_a_disable_too(app: Flask, name: str) -> None:
    user_id = created(**HELD)
    operation, scim_type = REFUSED_WHOLE[name]
    with pytest.raises(ScimError) as refused:
        patch(user_id, DISABLE, operation)
    assert refused.value.scim_type == scim_type
    assert "active" not in document(user_id)
    with pytest.raises(ScimError) as conflict:
        resource_operations.change(
            USER, user_id, read_patch({"Operations": [DISABLE]}), CLIENT, Precondition(if_match='W/"7"')
        )
    assert conflict.value.status == 412


def test_of_several_operations_on_one_attribute_only_the_refused_ones_are_left_out(app: Flask) -> None:
    created(userName=TAKEN)
    user_id = created(**HELD)
    names = ("first", TAKEN, "second", "", "third", TAKEN)
    changed = patch(user_id, DISABLE, *({"op": "replace", "path": "userName", "value": name} for name in names))
    assert document(user_id)["userName"] == "third"
    assert place(changed)[-1:] == [("userName", "uniqueness")]
    assert {path for path, _ in place(changed)} == {"userName"} and "userName" not in changed.assigned_paths


def test_a_put_that_disables_somebody_leaves_out_what_is_refused(app: Flask) -> None:
    other = created(userName=TAKEN)
    user_id = created(**HELD | {"nickName": "Ada", ENTERPRISE: {"department": "Sales", "costCenter": "1"}})
    body = {
        "userName": TAKEN,
        "active": "False",
        "title": LONG,
        "emails": [{"value": 5.5}],
        "name": {"givenName": "Ada"},
        ENTERPRISE: {"department": "Legal", "costCenter": {"a": 1}},
    }
    with pytest.raises(ScimError):
        resource_operations.replace(USER, user_id, body | {"active": True}, CLIENT)
    changed = resource_operations.replace(USER, user_id, body, CLIENT)
    assert sorted(place(changed)) == [
        ("emails", "invalidValue"),
        ("title", "invalidValue"),
        (f"{ENTERPRISE}:costCenter", "invalidValue"),
        ("userName", "uniqueness"),
    ]
    assert [one.error.other_id for one in changed.left_out if one.path == "userName"] == [other]
    kept = {name: HELD[name] for name in ("userName", "title", "emails")}
    new = {"active": False, "name": {"givenName": "Ada"}, ENTERPRISE: {"department": "Legal", "costCenter": "1"}}
    assert document(user_id) == USER.load(kept | new) | {"id": user_id}
    assert {"name.givenName", f"{ENTERPRISE}:department"} <= set(changed.assigned_paths)
    assert not {"title", "userName", "emails"} & set(changed.assigned_paths)


@pytest.mark.parametrize(
    "wrong", [{"userName": None}, {"title": LONG, "TITLE": "x"}, {ENTERPRISE: "x"}, {"schemas": 5}]
)
def test_a_put_that_could_not_be_read_as_a_whole_disables(app: Flask, wrong: dict[str, Any]) -> None:
    user_id = created(**HELD)
    resource_operations.replace(USER, user_id, HELD | {"active": False} | wrong, CLIENT)
    assert document(user_id) == USER.load(HELD | {"active": False}) | {"id": user_id}
    with pytest.raises(ScimError):
        resource_operations.replace(USER, user_id, HELD | {"active": False, "Active": True} | wrong, CLIENT)


def test_bulk_disables_by_operation(app: Flask) -> None:
    created(userName=TAKEN)
    first, second = created(**HELD), created(**HELD | {"userName": "eva"})
    name = {"op": "Replace", "path": "userName", "value": TAKEN}
    bodies = ({"Operations": [name, DISABLE]}, {"Operations": [name]})
    operations = [
        {"method": "PATCH", "path": f"/Users/{user_id}", "data": body}
        for user_id, body in zip((first, second), bodies, strict=True)
    ]
    done = bulk_execution.run(read_bulk({"Operations": operations}), (USER,), "https://x.example/scim", CLIENT)
    assert [one["status"] for one in done.response["Operations"]] == ["200", "409"]
    assert document(first)["active"] is False and "active" not in document(second)
    resource = done.outcomes[0].resource
    assert resource is not None and place(resource) == [("userName", "uniqueness")]


NEVER = "bulkId:never"
BESIDE_IN_BULK: dict[str, tuple[str, dict[str, Any], str, Any]] = {
    "a manager whom no operation makes": (
        "PATCH",
        {"Operations": [{"op": "add", "path": f"{ENTERPRISE}:manager", "value": NEVER}, DISABLE]},
        f"{ENTERPRISE}:manager",
        None,
    ),
    "an address": (
        "PATCH",
        {"Operations": [{"op": "add", "value": {"manager": {"$ref": f"../Users/{NEVER}"}, "active": False}}]},
        f"{ENTERPRISE}:manager",
        None,
    ),
    "a filter": (
        "PATCH",
        {"Operations": [{"op": "add", "path": f'manager[value eq "{NEVER}"].$ref', "value": "x"}, DISABLE]},
        f'{ENTERPRISE}:manager[value eq "{NEVER}"].$ref',
        None,
    ),
    "a PUT": (
        "PUT",
        HELD | {"active": "False", "manager": {"value": NEVER}},
        f"{ENTERPRISE}:manager",
        None,
    ),
    "a text": (
        "PATCH",
        {"Operations": [{"op": "replace", "path": "displayName", "value": NEVER}, DISABLE]},
        "",
        {"displayName": NEVER},
    ),
}


@pytest.mark.parametrize("name", BESIDE_IN_BULK)
def test_in_bulk_no_reference_keeps_a_disable_from_being_done(app: Flask, name: str) -> None:
    method, body, path, stored = BESIDE_IN_BULK[name]
    user_id = created(**HELD)
    sent = {"method": method, "path": f"/Users/{user_id}", "data": body}
    done = bulk_execution.run(read_bulk({"Operations": [sent, sent]}), (USER,), "https://x.example/scim", CLIENT)
    statuses = [one["status"] for one in done.response["Operations"]]
    assert statuses == ["200", "409" if path else "200"], "the second disables nobody"
    assert document(user_id) == USER.load(HELD | {"active": False} | (stored or {})) | {"id": user_id}
    resource = done.outcomes[0].resource
    assert resource is not None and [one.path for one in resource.left_out] == ([path] if path else [])


def test_a_resource_that_grows_too_large_loses_what_grew_most(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = created(**HELD)
    monkeypatch.setattr(bounds, "DOCUMENT_BYTES", 1_000)
    many = [{"value": f"{number}@x.example"} for number in range(100)]
    nick = {"op": "replace", "path": "nickName", "value": "Ada"}
    changed = patch(user_id, {"op": "add", "path": "emails", "value": many}, nick, DISABLE)
    assert place(changed) == [("emails", "invalidValue")]
    assert document(user_id) == USER.load(HELD | {"active": False, "nickName": "Ada"}) | {"id": user_id}


def test_a_person_at_any_limit_is_disabled(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored may be larger than a newer program allows; nothing but `active` changes then."""
    user_id = created(**HELD)
    monkeypatch.setattr(bounds, "DOCUMENT_BYTES", 50)
    patch(user_id, DISABLE)
    assert document(user_id) == USER.load(HELD | {"active": False}) | {"id": user_id}


NAMES = ("displayName", "nickName", "title", "userType", "locale")


@st.composite
def valid_operations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Operations that each can be done, whatever the others do."""
    text = st.sampled_from(["Ada", "Löwe", "x" * bounds.TEXT_LENGTH, ""])
    paths = [*NAMES, "name.givenName", 'emails[type eq "work"].value', f"{ENTERPRISE}:department", "unknown.name"]
    verb = st.sampled_from(["add", "Replace"])
    with_path = st.fixed_dictionaries({"op": verb, "path": st.sampled_from(paths), "value": text})
    without = st.fixed_dictionaries({"op": verb, "value": st.dictionaries(st.sampled_from(paths), text, max_size=3)})
    remove = st.fixed_dictionaries({"op": st.just("remove"), "path": st.sampled_from([*NAMES, "emails", "name"])})
    listed = st.lists(st.fixed_dictionaries({"value": text, "type": st.sampled_from(["work", "home"])}), max_size=3)
    many = st.fixed_dictionaries({"op": verb, "path": st.sampled_from(["emails", "roles"]), "value": listed})
    return draw(st.lists(with_path | without | remove | many, max_size=5))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Valid operations, the same with a disable among them, and the latter with one impossible operation."""
    valid = draw(valid_operations())
    disabling = list(valid)
    disable = draw(st.sampled_from([DISABLE, {"op": "replace", "value": {"active": False}}]))
    disabling.insert(draw(st.integers(0, len(valid))), disable)
    names = [name for name in IMPOSSIBLE if name != "a part of a wrong type"]  # another operation may make its target
    _, impossible, _ = IMPOSSIBLE[draw(st.sampled_from(names))]
    at = draw(st.integers(0, len(disabling)))
    both = [*disabling[:at], impossible, *disabling[at:]]
    return [*valid, impossible], disabling, both


def test_by_chance_one_impossible_operation_beside_a_disable(app: Flask) -> None:
    """Who should be disabled is, all else is stored; without the disable nothing changes."""
    created(userName=TAKEN)

    @settings(max_examples=examples(60), derandomize=True, deadline=None, database=None)
    @given(case=cases())
    def tried(case: tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]) -> None:
        without_disable, possible, both = case
        twin_id, user_id = created(**HELD | {"userName": "twin"}), created(**HELD)
        try:
            before = document(user_id)
            with pytest.raises(ScimError):
                patch(user_id, *without_disable)
            assert document(user_id) == before
            changed = patch(user_id, *both)
            expected = json.loads(patch(twin_id, *possible).record.document)
            assert document(user_id) == expected | {"id": user_id, "userName": "ada"}
            assert document(user_id)["active"] is False and len(changed.left_out) == 1
        finally:
            for one in (twin_id, user_id):
                resource_operations.delete(USER, one, CLIENT)

    tried()
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
