"""What follows from a document, and that it follows from nothing else."""

import copy
import json
import sqlite3

import pytest

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import USER, name_of
from app.scim.value_comparison import normalize_document
from app.store.directory.tables import ACTIVE, DISABLED

ADA = {
    "schemas": [USER.schema.urn],
    "id": "1",
    "userName": "ADA@Recnice.example",
    "externalId": "A1",
    "active": True,
    "name": {"givenName": "Äda", "familyName": "King-Noel"},
    "emails": [{"type": "work", "value": "Ada@b.c"}, {"type": "home", "value": "ada@B.c"}],
}


def test_everything_is_derived_from_a_document_without_changing_it() -> None:
    document = copy.deepcopy(ADA)
    values = DerivedValues(USER, document)
    assert json.loads(values.text) == ADA
    assert json.loads(values.search) == normalize_document(USER.attributes, ADA)
    assert values.lookups == {
        ("userName", "ada@recnice.example", True),
        ("externalId", "A1", False),
        ("emails.value", "ada@b.c", False),
    }
    assert values.words == {"ada", "recnice", "example", "a1", "king", "noel", "b", "c"}
    assert values.filled_paths == {
        "userName",
        "externalId",
        "active",
        "name.givenName",
        "name.familyName",
        'emails[type eq "work"].value',
    }
    assert (values.name, values.is_active) == (name_of(ADA), True)
    assert document == ADA


def test_nothing_follows_from_no_resource() -> None:
    values = DerivedValues(USER)
    assert (values.lookups, values.words, values.filled_paths, values.is_active) == (set(), set(), set(), False)


def test_a_value_is_derived_once() -> None:
    values = DerivedValues(USER, ADA)
    names = ("text", "search", "lookups", "word_text", "words", "filled_paths")
    first = [getattr(values, name) for name in names]
    assert all(getattr(values, name) is value for name, value in zip(names, first, strict=True))


@pytest.mark.parametrize("sent", [{}, {"active": True}, {"active": False}])
def test_python_and_sql_agree_on_who_is_active(sent: dict[str, bool]) -> None:
    """Who has no value for `active` is active."""
    connection = sqlite3.connect(":memory:")
    asked = f"SELECT {ACTIVE}, {DISABLED} FROM (SELECT ? AS document)"
    is_active, is_disabled = connection.execute(asked, (json.dumps(sent),)).fetchone()
    connection.close()
    assert bool(is_active) is not bool(is_disabled)
    assert bool(is_active) is DerivedValues(USER, {"userName": "ada"} | sent).is_active
