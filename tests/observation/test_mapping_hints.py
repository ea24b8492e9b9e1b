"""Hints: what the shapes of arrived values say about the mapping, and that nothing is said without a cause."""

import pytest

from app.observation.attributes.coverage import MappedRow
from app.observation.attributes.mapping_hints import RULES, hints
from app.observation.attributes.usual_entra_mapping import WORK_EMAIL
from app.scim.recnice_mapping import MAPPING
from app.store.directory.strict_attribute_rows import Strict
from app.store.request_log.attribute_arrival_rows import ArrivalCount

DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
NOBODY = {"filled": 0, "total": 0, "has_arrivals": False}


def sighted(path: str, way: str, shape: str, day: int = 1, type_name: str = "User") -> ArrivalCount:
    at = f"2026-03-{day:02}T08:00:00.000Z"
    return ArrivalCount(type_name, path, way, shape, at, at, 1)


def row(path: str, *seen: tuple[str, str], type_name: str = "User", is_strict: bool = False, **of: object) -> MappedRow:
    """A row of ten people, of whom all have a value where something arrived; `seen` are ways and shapes, day by day."""
    mapped = next(one for one in MAPPING[type_name] if one.path == path)
    given = {"filled": 10 if seen else 0, "total": 10, "has_arrivals": True} | of
    return MappedRow(
        resource_type=type_name,
        mapped=mapped,
        is_required=mapped.is_matching,
        strict=Strict("2026-03-01T08:00:00.000Z", "eva") if is_strict else None,
        arrivals=[sighted(path, way, shape, day, type_name) for day, (way, shape) in enumerate(seen, 1)],
        **given,  # type: ignore[arg-type]
    )


def names(of: MappedRow) -> list[str]:
    return [hint.name for hint in hints(of)]


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (row("externalId", ("create", "one word")), "external-id-nickname"),
        (row("externalId", ("create", "an e-mail address")), "external-id-nickname"),
        (row("externalId", ("create", "one word"), type_name="Group"), "external-id-nickname"),
        (row("roles", ("create", "a list of objects"), ("add", "a list of JSON texts")), "roles-additive"),
        (row("roles", ("add", "one word")), "roles-as-text"),
        (row("active"), "active-never-sent"),
        (row("active", ("replace", "true or false as text")), "active-as-text"),
        (row(DEPARTMENT), "never-sent"),
        (row("title", ("create", "nothing (null)"), filled=0), "only-empty"),
        (row(WORK_EMAIL, ("create", "one word")), "no-address"),
        (row("userName", ("create", "one word")), "user-name-no-address"),
        (row(WORK_EMAIL, ("create", "an e-mail address"), filled=7), "without-address"),
        (row("title", ("create", "an object id (GUID)")), "an-id"),
        (row("displayName", ("create", "an e-mail address")), "an-address"),
        (row("title", ("create", "one word"), filled=8, is_strict=True), "strict-gaps"),
    ],
    ids=lambda given: given if isinstance(given, str) else given.path,
)
def test_each_cause_has_its_hint_and_no_other(of: MappedRow, name: str):
    assert names(of) == [name]
    (hint,) = hints(of)
    assert not hint.is_warning or hint.remedy.startswith("In Entra, Provisioning › Mappings › ")


def test_every_rule_is_reached():
    parameters = test_each_cause_has_its_hint_and_no_other.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {rule.name for rule in RULES} == {name for _, name in parameters}


@pytest.mark.parametrize("type_name", MAPPING)
def test_before_anything_arrived_nothing_is_said(type_name: str):
    for mapped in MAPPING[type_name]:
        assert not names(row(mapped.path, type_name=type_name, **NOBODY))


def test_people_from_before_the_log_are_no_cause():
    for mapped in MAPPING["User"]:
        assert not names(row(mapped.path, filled=10, has_arrivals=False))


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("externalId", "an object id (GUID)"),
        ("userName", "an e-mail address"),
        (WORK_EMAIL, "an e-mail address"),
        ("displayName", "several words"),
        ("active", "true or false"),
        ("roles", "a list of objects"),
        (DEPARTMENT, "one word"),
    ],
)
def test_what_is_as_it_should_be_is_passed_over(path: str, shape: str):
    assert not names(row(path, ("create", shape)))


def test_a_warning_ends_once_the_mapping_is_mended():
    assert names(row("externalId", ("create", "one word"))) == ["external-id-nickname"]
    assert not names(row("externalId", ("create", "one word"), ("replace", "an object id (GUID)")))
    mended = row("roles", ("add", "a list of JSON texts"), ("replace", "a list of objects"))
    assert not names(mended)


def test_a_removal_and_an_empty_value_change_no_shape():
    of = row("externalId", ("create", "an object id (GUID)"), ("replace", "empty"), ("remove", "no value"))
    assert not names(of)
    assert of.shape == "an object id (GUID)"
    assert of.last == "2026-03-01T08:00:00.000Z"
    assert of.count == 1


def test_filled_is_never_rounded_up_to_all():
    assert row("title", filled=999, total=1000).percent == 99
    assert row("title", filled=1000, total=1000).percent == 100
    assert row("title", **NOBODY).percent is None
