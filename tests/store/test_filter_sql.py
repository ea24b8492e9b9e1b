"""Filters in SQL: the same rows as the reader in memory, and through an index where a client matches."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.scim.attribute import Attribute
from app.scim.filter_match import matches
from app.scim.filter_tree import OPERATORS
from app.scim.grammar import parse
from app.scim.resource_types import GROUP, USER, ResourceType, name_of
from app.scim.search_request import Search, TypeSearch
from app.store.database import directory_database
from app.store.directory import membership_rows, resource_rows, scim_lists
from app.store.directory.stored_resource import Record
from tests.examples import examples
from tests.normalized import normalize_document
from tests.statements import recorded
from tests.store.conftest import Find, group, insert, user, where

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

TEXTS = [
    "a", "A", "ab", "aba", "Ä", "ä", "A\u0308", "ß", "İ", "Σας", "%", "_", "'", '"', "\\", "a b", "1", "true", "-",
    "10", "9", "\U0001f600",
]  # fmt: skip
INSTANTS = [
    "2026-01-31T08:00:00Z", "2026-01-31T08:00:00.001Z", "2026-01-31T09:00:00.0005+01:00", "2020-01-01T00:00:00",
    "2099-12-31T23:59:59.999999Z",
]  # fmt: skip


class Chance:
    """Random documents and filters of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        return "".join(self.random.choices(TEXTS, k=self.random.randint(1, 2)))

    def document(self, resource_type: ResourceType, number: int) -> dict[str, Any]:
        """A document with about half of the attributes that a client may write."""
        given = {
            attribute.name: self.value(attribute)
            for attribute in resource_type.attributes
            if self.random.random() < 0.5 and self.is_written(attribute)
        }
        name = "userName" if resource_type is USER else "displayName"
        given[name] = f"{self.text()}{number}"
        document = user(**given) if resource_type is USER else group(**given)
        return document | {"id": str(uuid.UUID(int=self.random.getrandbits(128)))}

    @staticmethod
    def is_written(attribute: Attribute) -> bool:
        return not attribute.is_read_only and attribute.traits.storage == "document" and attribute.name != "schemas"

    def value(self, attribute: Attribute) -> Any:
        if attribute.multi_valued:
            return [self.one(attribute) for _ in range(self.random.randint(1, 3))]
        return self.one(attribute)

    def one(self, attribute: Attribute) -> Any:
        if attribute.type == "complex":
            parts = [part for part in attribute.sub_attributes.values() if self.is_written(part)]
            return {part.name: self.value(part) for part in parts if self.random.random() < 0.6}
        if attribute.type == "boolean":
            return self.random.random() < 0.5
        return "QUJD" if attribute.type == "binary" else self.text()

    def filter(self, resource_type: ResourceType, values: list[str], depth: int = 3) -> str:
        """A filter's text. `values` are texts that stand in the documents, so that comparisons often hold."""
        kind = self.random.random()
        if depth and kind < 0.45:
            inner = [self.filter(resource_type, values, depth - 1) for _ in range(2)]
            return self.joined(inner)
        tops = [top for top in resource_type.attributes if top.traits.returned != "never"]
        top = self.random.choice(tops)
        if top.type == "complex" and not top.name.startswith("urn:") and kind < 0.8:
            text = f"{top.path}[{self.inside(top, values, 2)}]"
            return text + "." + self.comparison(self.part(top), values, inside=True) if kind < 0.55 else text
        parts = [part for part in top.walk() if part.path != "meta.location"]
        return self.comparison(self.random.choice(parts), values)

    def inside(self, top: Attribute, values: list[str], depth: int) -> str:
        if depth and self.random.random() < 0.5:
            return self.joined([self.inside(top, values, depth - 1) for _ in range(2)])
        return self.comparison(self.part(top), values, inside=True)

    def part(self, top: Attribute) -> Attribute:
        return self.random.choice([part for part in top.sub_attributes.values() if part.path != "meta.location"])

    def joined(self, inner: list[str]) -> str:
        return self.random.choice(["({0}) and ({1})", "({0}) or ({1})", "{0} or {1}", "not ({0})"]).format(*inner)

    def comparison(self, attribute: Attribute, values: list[str], *, inside: bool = False) -> str:
        name = attribute.name if inside else attribute.path
        if attribute.type == "complex" and not attribute.value_attribute:
            return f"{name} pr"
        compared = attribute.value_attribute if attribute.type == "complex" else attribute
        assert compared
        op = self.random.choice(sorted(OPERATORS[compared.type]))
        if op == "pr":
            return f"{name} pr"
        if op in ("eq", "ne") and self.random.random() < 0.1:
            return f"{name} {op} null"
        return f"{name} {op} {json.dumps(self.literal(compared, values))}"

    def literal(self, attribute: Attribute, values: list[str]) -> Any:
        if attribute.type == "boolean":
            return self.random.choice([True, False, "True"])
        if attribute.type == "dateTime":
            return self.random.choice(INSTANTS + [value for value in values if re.match("20..-..-..T", value)])
        text = self.random.choice([*values, self.text(), ""])
        start = self.random.choice([0, 0, 0, 1, 2])
        text = text[start : len(text) - self.random.choice([0, 0, 0, 1])]
        return self.random.choice([text, text.upper(), text.lower()])


def representation(resource_type: ResourceType, record: Record, related: dict[str, Any]) -> dict[str, Any]:
    """The whole resource as a filter sees it."""
    meta = {
        "resourceType": record.type, "created": record.created, "lastModified": record.last_modified,
        "version": f'W/"{record.version}"',
    }  # fmt: skip
    return json.loads(record.document) | {"meta": meta} | related


def populate(chance: Chance) -> dict[str, list[dict[str, Any]]]:
    """Users and groups with memberships; gives the whole resources by type, in order of creation."""
    users = [insert(USER, chance.document(USER, number)) for number in range(40)]
    groups = [insert(GROUP, chance.document(GROUP, number)) for number in range(15)]
    ids = [record.id for record in users + groups] + ["nobody-1", "NOBODY-2"]
    members: dict[str, list[str]] = {}
    with directory_database.writing() as connection:
        for record in groups:
            members[record.id] = sorted(set(chance.random.choices(ids, k=chance.random.randint(1, 6))))
            if chance.random.random() < 0.3:
                members[record.id] = []
            membership_rows.add_members(connection, record.id, members[record.id])
        for record in chance.random.sample(groups, 5):
            resource_rows.relate(connection, record, 0)
    kinds = {record.id: ("User", "Users") for record in users} | {record.id: ("Group", "Groups") for record in groups}
    displayed = {record.id: name_of(json.loads(record.document)) for record in users + groups}

    def related(record: Record) -> dict[str, Any]:
        if record.type == "User":
            names = {known.id: json.loads(known.document)["displayName"] for known in groups}
            values = [
                {"value": id, "$ref": f"Groups/{id}", "display": names[id], "type": "direct"}
                for id, inside in sorted(members.items())
                if record.id in inside
            ]
            return {"groups": values} if values else {}
        values = [
            {"value": id}
            | ({"type": kinds[id][0], "$ref": f"{kinds[id][1]}/{id}", "display": displayed[id]} if id in kinds else {})
            for id in members[record.id]
        ]
        return {"members": values} if values else {}

    with directory_database.reading() as connection:
        return {
            kind.name: [
                representation(kind, stored, related(stored))
                for stored in (resource_rows.load(connection, kind, record.id) for record in records)
            ]
            for kind, records in ((USER, users), (GROUP, groups))
        }


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts_in(one)
    elif isinstance(value, str):
        yield value


@pytest.fixture(autouse=True)
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on a second whenever it is read, so that a seed gives the same times again."""
    moments = (datetime(2026, 1, 31, 8, tzinfo=UTC) + timedelta(seconds=second) for second in count())
    monkeypatch.setattr(clock, "utc_now", lambda: next(moments))


@pytest.mark.parametrize("seed", range(examples(1)))
def test_sql_finds_what_the_reader_in_memory_finds(app: Flask, seed: int) -> None:
    chance = Chance(seed)
    stored = populate(chance)
    found_some = 0
    for resource_type in (USER, GROUP):
        whole = stored[resource_type.name]
        folded = [normalize_document(resource_type.attributes, document) for document in whole]
        values = sorted(set(texts_in(whole)))
        with directory_database.reading() as connection:
            for _ in range(400):
                text = chance.filter(resource_type, values)
                node = parse(text, resource_type.tree)
                expected = [d["id"] for d, f in zip(whole, folded, strict=True) if matches(node, f)]
                page = scim_lists.find(connection, Search((TypeSearch(resource_type, node),), count=len(whole)))
                assert [record.id for record in page.records] == expected, f"seed {seed}: {text}"
                assert page.total == len(expected), f"seed {seed}: {text}"
                found_some += 0 < len(expected) < len(whole)
    assert found_some > 300, "the filters are too dull to tell the two readers apart"


@pytest.mark.parametrize("seed", range(examples(1)))
def test_removal_by_filter_takes_the_members_that_the_reader_in_memory_takes(app: Flask, seed: int) -> None:
    chance = Chance(seed)
    stored = populate(chance)[GROUP.name]
    top = GROUP.tree.core["members"]
    values = sorted(set(texts_in([document.get("members", []) for document in stored])))
    for _ in range(60):
        text = f"members[{chance.inside(top, values, 2)}]"
        node = parse(text, GROUP.tree).where  # type: ignore[union-attr]
        for document in stored:
            members = document.get("members", [])
            folded = normalize_document([top], {"members": members})["members"]
            expected = [m["value"] for m, f in zip(members, folded, strict=True) if not matches(node, f, in_value=True)]
            with pytest.raises(Rollback), directory_database.writing() as connection:
                gone = membership_rows.remove_members_where(connection, document["id"], node)
                portions = membership_rows.members_of(connection, document["id"])
                left = [member["value"] for portion in portions for member in json.loads(f"[{portion}]")]
                assert left == expected, f"seed {seed}: {text}"
                assert gone == {member["value"] for member in members} - set(left)
                raise Rollback


class Rollback(Exception):  # noqa: N818
    """Leaves a transaction without a trace."""


PLANS: list[tuple[ResourceType, str]] = [
    (USER, 'userName eq "Ada"'),
    (USER, 'USERNAME EQ "Ada"'),
    (USER, 'externalId eq "1"'),
    (USER, 'displayName eq "Ada"'),
    (USER, 'id eq "1"'),
    (USER, 'emails.value eq "a@b.c"'),
    (USER, 'emails eq "a@b.c"'),
    (USER, 'emails[value eq "a@b.c"]'),
    (USER, 'emails[type eq "work"].value eq "a@b.c"'),
    (USER, 'emails[type eq "work" and value eq "a@b.c"]'),
    (USER, 'emails[not (type eq "home") and (primary eq true and value eq "a@b.c")]'),
    (USER, 'userName eq "a" and active eq true'),
    (USER, 'userName eq "a" or externalId eq "b" or emails.value eq "c" or id eq "d"'),
    (USER, 'groups.value eq "1"'),
    (GROUP, 'displayName eq "Staff"'),
    (GROUP, 'externalId eq "1"'),
    (GROUP, 'id eq "1" and members eq "2"'),
    (GROUP, 'members.value eq "2"'),
    (GROUP, 'members[value eq "2" and type eq "User"]'),
]


def search(resource_type: ResourceType, text: str) -> Search:
    return Search((TypeSearch(resource_type, where(text, resource_type)),))


@pytest.fixture
def plan(app: Flask) -> Callable[[ResourceType, str], list[str]]:
    """How SQLite goes about the statement of a page."""

    def planned(resource_type: ResourceType, text: str) -> list[str]:
        with directory_database.reading() as connection:
            with recorded() as statements:
                scim_lists.find(connection, search(resource_type, text))
            statement, parameters = statements[0]
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return [row[-1] for row in rows]

    return planned


@pytest.mark.parametrize(("resource_type", "text"), PLANS, ids=[text for _, text in PLANS])
def test_a_match_is_an_index_look_up(plan: Callable[..., list[str]], resource_type: ResourceType, text: str) -> None:
    steps = plan(resource_type, text)
    on_resource = [step for step in steps if step.split()[1] == "resource"]
    assert on_resource
    assert all("(id=?)" in step or "(rowid=?)" in step for step in on_resource), steps
    for table in ("lookup", "membership"):
        assert not any(step.startswith(f"SCAN {table}") for step in steps), steps
    assert search(resource_type, text).unindexed == ()


@pytest.mark.parametrize(
    ("resource_type", "text", "paths"),
    [
        (USER, 'title co "x"', ["title"]),
        (USER, 'not (userName eq "a")', ["userName"]),
        (USER, 'userName sw "a"', ["userName"]),
        (USER, 'userName eq "a" or title eq "x" or name.givenName eq "x"', ["title", "name.givenName"]),
        (USER, 'phoneNumbers[type eq "work" and value eq "1"]', ["phoneNumbers.type", "phoneNumbers.value"]),
        (USER, 'emails[value eq "a" or type eq "work"]', ["emails.value", "emails.type"]),
        (
            USER,
            'groups.display eq "a" and meta.lastModified gt "2026-01-31T08:00:00Z"',
            ["groups", "meta.lastModified"],
        ),
        (GROUP, 'members[type eq "User"]', ["members"]),
    ],
)
def test_other_filters_walk_the_rows_of_their_type(
    plan: Callable[..., list[str]], resource_type: ResourceType, text: str, paths: list[str]
) -> None:
    steps = plan(resource_type, text)
    assert any("resource_type_position" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    assert search(resource_type, text).unindexed == tuple((resource_type.name, path) for path in paths)


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(['title eq "x"'] * (bounds.FILTER_TOKENS // 4)),
        " and ".join(["emails.value pr"] * (bounds.FILTER_TOKENS // 3)),
        " or ".join(['emails[type eq "x"]'] * (bounds.FILTER_TOKENS // 7)),
        " or ".join(['emails[not (type eq "x") or not (value pr)]'] * (bounds.FILTER_TOKENS // 16)),
        "not (" * bounds.FILTER_DEPTH + 'title eq "x"' + ")" * bounds.FILTER_DEPTH,
        '(title eq "1" or (title pr and ' * (bounds.FILTER_DEPTH // 2 - 1)
        + "emails[not (value pr)]"
        + "))" * (bounds.FILTER_DEPTH // 2 - 1),
    ],
    ids=["or", "and", "value paths", "not in value paths", "deep not", "deep"],
)
def test_the_largest_filters_stay_within_the_limits_of_the_database(find: Find, text: str) -> None:
    assert len(text) <= bounds.FILTER_LENGTH
    insert(USER, user(title="y"))
    assert len(find(text)) <= 1


def test_texts_are_bound_and_never_part_of_a_statement(app: Flask, find: Find) -> None:
    stored = insert(USER, user(userName="x' OR 1=1 --", title="100%", nickName="a_b"))
    insert(USER, user(title="1000", nickName="aXb"))
    assert find('userName eq "x\' OR 1=1 --"') == [stored.id]
    assert find('title co "0%"') == [stored.id]
    assert find('nickName sw "a_"') == [stored.id]


def test_created_compares_with_more_digits_than_it_has(app: Flask, find: Find) -> None:
    stored = insert(USER, user())
    exact = stored.created
    later = exact[:-1] + "001Z"
    assert find(f'meta.created eq "{exact}"') == [stored.id]
    assert find(f'meta.created eq "{later}"') == []
    assert find(f'meta.created lt "{later}" and meta.created ge "{exact[:-1]}000Z"') == [stored.id]
    assert find(f'meta.lastModified gt "{later}"') == []
    assert find('meta.version eq "W/\\"1\\"" and meta.resourceType eq "User"') == [stored.id]


def test_location_begins_with_the_address_that_was_asked(app: Flask) -> None:
    stored = insert(USER, user())
    insert(USER, user())
    for base, found in (("https://recnice.com/scim", 1), ("https://recnice.com/scim/v2", 0)):
        node = where(f'meta.location eq "https://recnice.com/scim/Users/{stored.id}"')
        with directory_database.reading() as connection:
            page = scim_lists.find(connection, Search((TypeSearch(USER, node),), base=base))
        assert [record.id for record in page.records] == [stored.id] * found


def test_extension_attributes_are_found(find: Find) -> None:
    stored = insert(USER, user(**{ENTERPRISE: {"department": "Ärzte", "manager": {"value": "7"}}}))
    insert(USER, user())
    assert find(f'{ENTERPRISE}:department eq "ÄRZTE"') == [stored.id]
    assert find(f'{ENTERPRISE}:manager.value eq "7"') == [stored.id]
    assert find(f'{ENTERPRISE}:manager[value eq "7"]') == [stored.id]
    assert len(find(f'{ENTERPRISE}:department ne "ärzte"')) == 1


def test_an_indexed_part_of_a_value_path_is_not_the_whole_of_it(find: Find) -> None:
    work, home = (insert(USER, user(emails=[{"type": kind, "value": "a@b.c"}])) for kind in ("work", "home"))
    split = insert(USER, user(emails=[{"type": "work", "value": "d@e.f"}, {"type": "other", "value": "a@b.c"}]))
    assert find('emails[type eq "work"].value eq "A@B.C"') == [work.id]
    assert find('emails[not (type eq "work") and value eq "A@B.C"]') == [home.id, split.id]
    assert find('emails.value eq "A@B.C"') == [work.id, home.id, split.id]
    assert find('emails.type eq "work" and emails.value eq "A@B.C"') == [work.id, split.id]
