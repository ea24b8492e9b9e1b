"""What the simulator is made of, without a service: the directory, the mapping, and both ways of writing a PATCH."""

import pytest

from app.simulation import mapping
from app.simulation.dialects import COMPLIANT, DEFAULT
from app.simulation.directory import Directory
from app.simulation.ledger import Failure
from app.simulation.provisioning_job import equals
from app.simulation.report import failure_line

RUN = "rehearsal-test"
CHANGED = {mapping.DISPLAY_NAME: "Ada", mapping.LOCALITY: "Leeds", mapping.ACTIVE: False, mapping.DEPARTMENT: "R"}


def test_the_same_seed_makes_the_same_directory():
    one, other, third = (Directory(30, 4, seed, RUN) for seed in (1, 1, 2))
    assert [person.mapped for person in one.people] == [person.mapped for person in other.people]
    assert [person.mapped for person in one.people] != [person.mapped for person in third.people]


def test_every_name_is_the_runs_own_and_there_once():
    directory = Directory(200, 20, 3, RUN)
    for subjects in (directory.people, directory.groups):
        names = [subject.name.lower() for subject in subjects]
        assert len(set(names)) == len(names)
        assert all(name.startswith(RUN) for name in names)


def test_people_are_as_people_are():
    people = Directory(200, 1, 3, RUN).people
    names = "".join(str(person.mapped[mapping.FORMATTED_NAME]) for person in people)
    assert {"ü", "'", "美"} <= set(names)
    assert any("#EXT#" in person.name for person in people)
    assert any(mapping.TITLE not in person.mapped for person in people)
    assert any(person.manager for person in people)
    assert not any(value in ("", None) for person in people for value in person.mapped.values())


def test_a_document_says_what_was_mapped():
    mapped = Directory(1, 1, 4, RUN).people[0].mapped | {
        mapping.WORK_EMAIL: "a@example.com", mapping.LOCALITY: "Leeds", mapping.COUNTRY: "GB", mapping.DEPARTMENT: "R",
    }  # fmt: skip
    document = mapping.document(mapped)
    assert {path: mapping.value_at(document, path) for path in mapped} == mapped
    assert len(document["addresses"]) == 1
    assert document["emails"] == [{"type": "work", "primary": True, "value": "a@example.com"}]


@pytest.mark.parametrize("found", [{}, {"addresses": None}, {"addresses": "x"}, {"addresses": [{"type": "home"}, 3]}])
def test_another_shape_has_no_value(found):
    assert mapping.value_at(found, mapping.LOCALITY) is None


def test_the_default_dialect():
    assert DEFAULT.change(CHANGED, [mapping.DISPLAY_NAME])["Operations"] == [
        {"op": "Replace", "path": "displayName", "value": "Ada"},
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Leeds"},
        {"op": "Add", "path": "active", "value": "False"},
        {"op": "Add", "path": mapping.DEPARTMENT, "value": "R"},
    ]
    assert DEFAULT.remove_members(["a", "b"])["Operations"] == [
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "a"}, {"$ref": None, "value": "b"}]}
    ]


def test_the_compliant_dialect():
    assert COMPLIANT.change(CHANGED)["Operations"] == [
        {"op": "add", "path": 'addresses[type eq "work"].locality', "value": "Leeds"},
        {"op": "replace", "value": {"displayName": "Ada", "active": False, mapping.DEPARTMENT: "R"}},
    ]
    assert COMPLIANT.remove_members(["a", "b"])["Operations"] == [
        {"op": "remove", "path": 'members[value eq "a"]'},
        {"op": "remove", "path": 'members[value eq "b"]'},
    ]


def test_a_filter_keeps_what_a_name_has():
    assert equals("displayName", 'O\'Brien "\\" & Söhne') == 'displayName eq "O\'Brien \\"\\\\\\" & Söhne"'


def test_a_failed_check_is_one_line():
    line = failure_line(Failure("Roles", "ada", "GET /Users/1", "a\nb", "\x1b[31m"))
    assert line == r"Roles | ada | GET /Users/1 | expected a\nb | received \x1b[31m"
