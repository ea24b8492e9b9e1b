"""This module simulates Entra's provisioning job: its requests and what it remembers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app import bounds
from app.simulation import expectations, mapping
from app.simulation.client import Answer, EntraClient, Parameters
from app.simulation.dialects import Dialect
from app.simulation.directory import Directory, Entry, Group, Person
from app.simulation.expectations import CHANGED, Document
from app.simulation.mapping import Value

PEOPLE, GROUPS = Person.endpoint, Group.endpoint


class AbandonedError(Exception):
    """A step cannot continue because of a failed check, which is already recorded."""


@dataclass
class Made:
    """A resource whose creation was requested, for cleaning up; `id` is "" until an answer names it.

    Without any answer the service may still be processing the request.
    """

    endpoint: str
    matching: str
    name: str
    id: str = ""
    answered: bool = False
    deleted: bool = False


def equals(attribute: str, value: str) -> str:
    """Return the filter `attribute eq "value"` (RFC 7644 §3.4.2.2), with the escapes of a JSON text."""
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"


class Job:
    """One job against one service. `alone` means that no other client changes anything there during the simulation."""

    def __init__(self, client: EntraClient, directory: Directory, alone: bool) -> None:
        self.directory = directory
        self.alone = alone
        self.made: list[Made] = []
        self._client = client

    def send(
        self, method: str, path: str, about: str = "-", query: Parameters | None = None, body: Any = None
    ) -> Answer:
        """Send any request, unchecked."""
        return self._client.send(method, path, about, query, body)

    def path_of(self, subject: Entry) -> str:
        """Return the path of a provisioned subject. Raises AbandonedError if it never got an id."""
        if not subject.id:
            raise AbandonedError
        return f"{subject.endpoint}/{quote(subject.id, safe='')}"

    def search(self, endpoint: str, condition: str, about: str) -> tuple[Answer, list[Document]]:
        """Search by a filter; groups are always requested without their members."""
        query = {"filter": condition} if endpoint == PEOPLE else {"excludedAttributes": "members", "filter": condition}
        answer = self.send("GET", endpoint, about, query)
        resources = expectations.listed(answer)
        if endpoint == GROUPS:
            for one in resources:
                expectations.without_members(answer, one)
        return answer, resources

    def match(self, subject: Entry, value: str | None = None) -> tuple[Answer, list[Document]]:
        """Send the match query: by the matching attribute's present value, or by another one."""
        return self.search(subject.endpoint, equals(subject.matching, value or subject.name), subject.name)

    def expect_nobody(self, subject: Entry, value: str | None = None) -> None:
        """Check that the match query finds nothing: an empty list, never a 404."""
        answer, matches = self.match(subject, value)
        answer.check(not matches, "totalResults 0", matches)

    def expect_match(self, subject: Entry, value: str | None = None) -> Document:
        """Check that the match query finds exactly the subject, with every mapped attribute; return it, or {}."""
        self.path_of(subject)
        answer, matches = self.match(subject, value)
        if not answer.check(len(matches) == 1, "exactly one match", [one.get("id") for one in matches]):
            return {}
        expectations.same_id(answer, matches[0], subject.id)
        expectations.same_values(answer, matches[0], subject.mapped)
        return matches[0]

    def post(self, subject: Entry, more: dict[str, Any] | None = None) -> Answer:
        """Send the POST of all mapped attributes, unchecked."""
        return self.post_body(Made(subject.endpoint, subject.matching, subject.name), _creation(subject) | (more or {}))

    def post_body(self, made: Made, body: dict[str, Any]) -> Answer:
        """Send any POST, unchecked; what it may have created will be cleaned up."""
        self.made.append(made)
        answer = self.send("POST", made.endpoint, made.name, body=body)
        made.answered = True
        id = answer.document.get("id")
        made.id = id if isinstance(id, str) and answer.status < 300 else ""
        if 400 <= answer.status < 500:
            self.made.remove(made)
        return answer

    def create(self, subject: Entry, more: dict[str, Any] | None = None) -> Answer:
        """Send a POST, remember the id, and check all values on the next read.

        Raises AbandonedError if the name then leads to no resource or to another id: this job never changes a resource
        that it has not created.
        """
        answer = self.post(subject, more)
        is_created, id = expectations.accepted(answer, 201), answer.document.get("id")
        if not is_created or not answer.check(isinstance(id, str) and bool(id), "an id", id):
            raise AbandonedError
        subject.id = str(id)
        if self.expect_match(subject).get("id") != subject.id:
            subject.id = ""
            raise AbandonedError
        return answer

    def provision(self, subject: Entry) -> None:
        """Match, POST because nothing was found, and check all values on the next read."""
        self.expect_nobody(subject)
        self.create(subject)

    def newcomer(self) -> Person:
        """Provision a new user. Raises AbandonedError."""
        person = self.directory.newcomer()
        self.provision(person)
        return person

    def new_group(self, people: Sequence[Person], dialect: Dialect) -> Group:
        """Provision a new group without members, then add these users. Raises AbandonedError."""
        group = self.directory.new_group()
        self.provision(group)
        self.add_members(group, people, dialect)
        return group

    def read(self, subject: Entry) -> Answer:
        """Send GET by the remembered id; check the id and every mapped attribute. Raises AbandonedError if it fails."""
        query = {"excludedAttributes": "members"} if isinstance(subject, Group) else None
        answer = self.send("GET", self.path_of(subject), subject.name, query)
        if not expectations.accepted(answer, 200):
            raise AbandonedError
        expectations.same_id(answer, answer.document, subject.id)
        expectations.same_values(answer, answer.document, subject.mapped)
        if isinstance(subject, Group):
            expectations.without_members(answer, answer.document)
        return answer

    def patch(self, subject: Entry, body: Any) -> Answer:
        """Send a PATCH that must succeed; check that a returned resource is the subject."""
        answer = self.send("PATCH", self.path_of(subject), subject.name, body=body)
        if expectations.accepted(answer, *CHANGED) and answer.document:
            expectations.same_id(answer, answer.document, subject.id)
        return answer

    def change(self, subject: Entry, changed: dict[str, Value], dialect: Dialect, shown: Iterable[str] = ()) -> None:
        """Send a PATCH of differences, and check all of them on the next read."""
        self.patch(subject, dialect.change(changed, tuple(shown)))
        subject.mapped.update(changed)
        self.read(subject)

    def expect_members(self, group: Group) -> None:
        """Read the whole group, as an administrator does, and check for exactly the members as Entra left them."""
        answer = self.send("GET", self.path_of(group), group.name)
        if expectations.accepted(answer, 200):
            expectations.has_members(answer, answer.document, {person.id for person in group.members})

    def add_members(self, group: Group, people: Iterable[Person], dialect: Dialect) -> None:
        """Add members blindly, in portions; users without an id are left for the next cycle."""
        for portion in portions([person for person in people if person.id]):
            self.patch(group, dialect.add_members([person.id for person in portion]))
            group.members.update(dict.fromkeys(portion))

    def remove_members(self, group: Group, people: Iterable[Person], dialect: Dialect) -> None:
        """Remove members blindly, in portions."""
        for portion in portions([person for person in people if person.id]):
            self.patch(group, dialect.remove_members([person.id for person in portion]))
            for person in portion:
                group.members.pop(person, None)

    def delete(self, subject: Entry) -> None:
        """Send a DELETE; then check for 404 by id, and for no match."""
        answer = self.send("DELETE", self.path_of(subject), subject.name)
        expectations.accepted(answer, 204)
        expectations.accepted(self.send("GET", self.path_of(subject), subject.name), 404)
        self.expect_nobody(subject)
        for made in self.made:
            made.deleted = made.deleted or (made.id == subject.id and answer.status == 204)


def portions(people: Sequence[Person]) -> Iterable[Sequence[Person]]:
    """Return users in portions for one PATCH each."""
    size = bounds.SIMULATED_MEMBERS_PER_PATCH
    return (people[start : start + size] for start in range(0, len(people), size))


def _creation(subject: Entry) -> dict[str, Any]:
    """Return the POST's body with Entra's own additions: an empty list of roles, meta, a schema of Microsoft's."""
    document = mapping.document(subject.mapped)
    if isinstance(subject, Group):
        schemas = [mapping.GROUP_SCHEMA, mapping.ENTRA_GROUP_SCHEMA]
        return {"schemas": schemas, **document, "meta": {"resourceType": "Group"}}
    schemas = [mapping.USER_SCHEMA, mapping.ENTERPRISE_SCHEMA]
    return {"schemas": schemas, **document, mapping.ROLES: [], "meta": {"resourceType": "User"}}
