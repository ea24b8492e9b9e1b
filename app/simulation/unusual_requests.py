"""This module sends unusual requests that Entra is known to send, and requests that must be refused."""

import json
from typing import Any

from app.simulation import cycles, expectations, mapping
from app.simulation.client import Answer
from app.simulation.dialects import Dialect, patch
from app.simulation.directory import Entry, Person
from app.simulation.mapping import Value
from app.simulation.provisioning_job import PEOPLE, Job, Made

ROLE_TYPE = "WindowsAzureActiveDirectoryRole"


def one_role(job: Job) -> None:
    """Send SingleAppRoleAssignment: the primary role part by part, to a user without roles; then another value."""
    person = job.newcomer()
    chosen = f'{mapping.ROLES}[primary eq "True"]'
    parts = {"value": "Editor", "display": "The editor", "type": ROLE_TYPE}
    job.patch(
        person, patch(*({"op": "Add", "path": f"{chosen}.{name}", "value": value} for name, value in parts.items()))
    )
    answer = expect_roles(job, person, "Editor")
    roles = answer.document.get(mapping.ROLES)
    for name, value in {**parts, "primary": True}.items():
        received = roles[0].get(name) if isinstance(roles, list) and roles and isinstance(roles[0], dict) else None
        answer.check(received == value, f"roles: {name} {value!r}", roles)
    job.patch(person, patch({"op": "Replace", "path": f"{chosen}.value", "value": "Chief"}))
    expect_roles(job, person, "Chief")


def many_roles(job: Job) -> None:
    """Send AppRoleAssignmentsComplex: a list at creation, later one more as JSON inside a text; it never removes."""
    person = job.directory.newcomer()
    job.create(person, {mapping.ROLES: [_role("Editor"), _role("Reader")]})
    expect_roles(job, person, "Editor", "Reader")
    text = json.dumps({"id": "8b292bda-39b1-4f7a-9c1d-1f2f1d1e5f3b", "value": "Auditor", "displayName": "Auditor"})
    for _ in range(2):  # sent again blindly in the next cycle
        job.patch(person, patch({"op": "Add", "path": mapping.ROLES, "value": [{"value": text}]}))
        expect_roles(job, person, "Auditor", "Editor", "Reader")


def all_roles(job: Job) -> None:
    """Send AssertiveAppRoleAssignmentsComplex: the whole list replaced, with booleans as text; then a plain text."""
    person = job.directory.newcomer()
    job.create(person, {mapping.ROLES: [_role("Editor"), _role("Reader")]})
    for roles, name in (([{**_role("Reader"), "primary": "False"}], "Reader"), ("Owner", "Owner")):
        job.patch(person, patch({"op": "Replace", "path": mapping.ROLES, "value": roles}))
        expect_roles(job, person, name)


def _role(name: str) -> dict[str, Any]:
    return {"displayName": name, "value": name, "type": ROLE_TYPE, "primary": False}


def expect_roles(job: Job, person: Person, *names: str) -> Answer:
    """Check for exactly these roles, and for all mapped attributes unchanged."""
    answer = job.read(person)
    roles = answer.document.get(mapping.ROLES)
    values = [str(one.get("value")) for one in roles if isinstance(one, dict)] if isinstance(roles, list) else []
    answer.check(sorted(values) == sorted(names), f"roles {sorted(names)}", roles)
    return answer


def managers(job: Job, dialect: Dialect) -> None:
    """Send the manager as text, as a list, as an object; clear it by an empty text in either place, and by Remove."""
    boss, person = job.newcomer(), job.newcomer()
    path = mapping.MANAGER
    for value, clearing in (
        (boss.id, {"op": "Replace", "path": path, "value": {"value": ""}}),
        ([{"value": boss.id}], {"op": "Replace", "path": path, "value": ""}),
        ({"value": boss.id}, {"op": "Remove", "path": path}),
    ):
        job.patch(person, patch({"op": "Add", "path": path, "value": value}))
        cycles.expect_manager(job, person, boss.id)
        job.patch(person, patch(clearing))
        cycles.expect_manager(job, person, None)
    job.patch(person, dialect.manager(boss.id))
    cycles.expect_manager(job, person, boss.id)


def nulls(job: Job, dialect: Dialect) -> None:
    """Send the gallery's Null_Update: an empty text, then null, for every attribute that may be without a value."""
    person = job.newcomer()
    job.change(person, {mapping.LOCALITY: "Leeds", mapping.WORK_EMAIL: "a@mail.example.com"}, dialect)
    cleared = [path for path in mapping.USER_TARGETS if path not in mapping.NEEDED]
    person.mapped = {path: person.mapped[path] for path in mapping.NEEDED}
    for nothing in ("", None):
        job.patch(person, dialect.change(dict.fromkeys(cleared, nothing), cleared))
        answer = job.read(person)
        expectations.absent(answer, answer.document, *cleared)


def create_twice(job: Job, subject: Entry) -> None:
    """Send the same POST again, as after a lost answer, and in another case: 409, and the resource is unchanged."""
    job.provision(subject)
    for mapped in (subject.mapped, {**subject.mapped, subject.matching: subject.name.upper()}):
        expectations.refused(job.post(type(subject)(mapped)), 409, "uniqueness")
        job.expect_match(subject)


def odd_creation(job: Job) -> None:
    """Send a POST with nulls, empty values, undeclared attributes, and a misspelled schema, and expect 201."""
    person = job.directory.newcomer()
    person.mapped.pop(mapping.TITLE, None)
    more: dict[str, Any] = {
        "title": "",
        "nickName": None,
        "shoeSize": 44,
        "department": None,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "Misspelt"},
    }
    answer = job.create(person, more)
    expectations.absent(answer, answer.document, mapping.TITLE, "nickName")


def long_values(job: Job, dialect: Dialect) -> None:
    """Check that values are stored as sent: no trimming, the same case, the same Unicode form of each letter."""
    person = job.newcomer()
    changed: dict[str, Value] = {
        mapping.DISPLAY_NAME: "  Zoe\u0308 \u200d  (composed: Zoë) ",
        mapping.TITLE: "A" * 200,
        mapping.STREET: "Erste Zeile\r\nZweite Zeile",
        mapping.DEPARTMENT: "𠮷野 👩‍🔬 <b>&amp;</b> '; DROP TABLE resource; --",
    }
    job.change(person, changed, dialect)


def refusals(job: Job) -> None:
    """Check that invalid requests fail in a way that the provisioning log can display."""
    nowhere = f"{PEOPLE}/{job.directory.run}-nowhere"
    for method in ("GET", "DELETE"):
        expectations.accepted(job.send(method, nowhere), 404)
    query = {"filter": 'emails[type eq "work"].value eq'}
    expectations.refused(job.send("GET", PEOPLE, query=query), 400, "invalidFilter")
    expectations.accepted(job.send("POST", PEOPLE, body=b'{"userName": '), 400)
    nameless = Made(PEOPLE, mapping.DISPLAY_NAME, f"{job.directory.run} without userName")
    body = {"schemas": [mapping.USER_SCHEMA], mapping.DISPLAY_NAME: nameless.name}
    expectations.accepted(job.post_body(nameless, body), 400)
    person = job.newcomer()
    path = job.path_of(person)
    body = patch({"op": "Replace", "path": mapping.ACTIVE, "value": "perhaps"})
    expectations.accepted(job.send("PATCH", path, person.name, body=body), 400)
    job.read(person)
