"""This module plays Entra's provisioning job: its requests and what it remembers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app import bounds
from app.simulation import expectations, mapping
from app.simulation.client import Answer, EntraClient, Parameters
from app.simulation.dialects import Dialect
from app.simulation.directory import Directory, Group, Person, Subject
from app.simulation.expectations import CHANGED, Found
from app.simulation.mapping import Value

PEOPLE, GROUPS = Person.endpoint, Group.endpoint


class AbandonedError(Exception):
    """This step cannot go on, because of a check that failed and is noted."""


@dataclass
class Made:
    """Something that was asked to be created, for cleaning up; `id` is "" until an answer names it.

    Without any answer the service may still be at work on it.
    """

    endpoint: str
    matching: str
    name: str
    id: str = ""
    answered: bool = False
    deleted: bool = False


def equals(attribute: str, value: str) -> str:
    """The filter `attribute eq "value"` (RFC 7644 §3.4.2.2), with the escapes of a JSON text."""
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"


class Job:
    """One job against one service. `alone` says that nobody else changes anything there meanwhile."""

    def __init__(self, client: EntraClient, directory: Directory, alone: bool) -> None:
        self.directory = directory
        self.alone = alone
        self.made: list[Made] = []
        self._client = client

    def send(
        self, method: str, path: str, about: str = "-", query: Parameters | None = None, body: Any = None
    ) -> Answer:
        """Any request, unchecked."""
        return self._client.send(method, path, about, query, body)

    def path_of(self, subject: Subject) -> str:
        """Where a provisioned subject is. Raises AbandonedError where it never got an id."""
        if not subject.id:
            raise AbandonedError
        return f"{subject.endpoint}/{quote(subject.id, safe='')}"

    def search(self, endpoint: str, condition: str, about: str) -> tuple[Answer, list[Found]]:
        """A look-up by a filter; groups are always asked for without their members."""
        query = {"filter": condition} if endpoint == PEOPLE else {"excludedAttributes": "members", "filter": condition}
        answer = self.send("GET", endpoint, about, query)
        found = expectations.listed(answer)
        if endpoint == GROUPS:
            for one in found:
                expectations.without_members(answer, one)
        return answer, found

    def match(self, subject: Subject, value: str | None = None) -> tuple[Answer, list[Found]]:
        """The match query: by the matching attribute's present value, or by another one."""
        return self.search(subject.endpoint, equals(subject.matching, value or subject.name), subject.name)

    def expect_nobody(self, subject: Subject, value: str | None = None) -> None:
        """The match query finds nothing: a list of nobody, never a 404."""
        answer, found = self.match(subject, value)
        answer.check(not found, "totalResults 0", found)

    def expect_match(self, subject: Subject, value: str | None = None) -> Found:
        """The match query finds exactly the one that Entra knows, with every mapped attribute; gives it, or {}."""
        self.path_of(subject)
        answer, found = self.match(subject, value)
        if not answer.check(len(found) == 1, "exactly one match", [one.get("id") for one in found]):
            return {}
        expectations.same_id(answer, found[0], subject.id)
        expectations.same_values(answer, found[0], subject.mapped)
        return found[0]

    def post(self, subject: Subject, more: dict[str, Any] | None = None) -> Answer:
        """The POST of all mapped attributes, unchecked."""
        return self.post_body(Made(subject.endpoint, subject.matching, subject.name), _creation(subject) | (more or {}))

    def post_body(self, made: Made, body: dict[str, Any]) -> Answer:
        """Any POST, unchecked; what it may have made will be cleaned up."""
        self.made.append(made)
        answer = self.send("POST", made.endpoint, made.name, body=body)
        made.answered = True
        found = answer.document.get("id")
        made.id = found if isinstance(found, str) and answer.status < 300 else ""
        if 400 <= answer.status < 500:
            self.made.remove(made)
        return answer

    def create(self, subject: Subject, more: dict[str, Any] | None = None) -> Answer:
        """POST, remember the id, and find all of it on the next read.

        Raises AbandonedError where the name then leads to nobody or to another id: nothing is ever sent to somebody
        whom this job has not made.
        """
        answer = self.post(subject, more)
        held = expectations.accepted(answer, 201)
        found = answer.document.get("id")
        if not held or not answer.check(isinstance(found, str) and bool(found), "an id", found):
            raise AbandonedError
        subject.id = str(found)
        if self.expect_match(subject).get("id") != subject.id:
            subject.id = ""
            raise AbandonedError
        return answer

    def provision(self, subject: Subject) -> None:
        """Match, POST because nobody is there, and find all of it on the next read."""
        self.expect_nobody(subject)
        self.create(subject)

    def newcomer(self) -> Person:
        """Somebody new, provisioned. Raises AbandonedError."""
        person = self.directory.newcomer()
        self.provision(person)
        return person

    def new_group(self, people: Sequence[Person], dialect: Dialect) -> Group:
        """A new group, provisioned without members, to which these people are then added. Raises AbandonedError."""
        group = self.directory.new_group()
        self.provision(group)
        self.add_members(group, people, dialect)
        return group

    def read(self, subject: Subject) -> Answer:
        """GET by the remembered id: the same id, and every mapped attribute. Raises AbandonedError where it fails."""
        query = {"excludedAttributes": "members"} if isinstance(subject, Group) else None
        answer = self.send("GET", self.path_of(subject), subject.name, query)
        if not expectations.accepted(answer, 200):
            raise AbandonedError
        expectations.same_id(answer, answer.document, subject.id)
        expectations.same_values(answer, answer.document, subject.mapped)
        if isinstance(subject, Group):
            expectations.without_members(answer, answer.document)
        return answer

    def patch(self, subject: Subject, body: Any) -> Answer:
        """A PATCH that must succeed; an answered resource is the one that was meant."""
        answer = self.send("PATCH", self.path_of(subject), subject.name, body=body)
        if expectations.accepted(answer, *CHANGED) and answer.document:
            expectations.same_id(answer, answer.document, subject.id)
        return answer

    def change(self, subject: Subject, changed: dict[str, Value], dialect: Dialect, shown: Iterable[str] = ()) -> None:
        """A PATCH of differences, and all of it there on the next read."""
        self.patch(subject, dialect.change(changed, tuple(shown)))
        subject.mapped.update(changed)
        self.read(subject)

    def expect_members(self, group: Group) -> None:
        """The group read whole, as an administrator does: exactly those that Entra has added and not removed."""
        answer = self.send("GET", self.path_of(group), group.name)
        if expectations.accepted(answer, 200):
            expectations.has_members(answer, answer.document, {person.id for person in group.members})

    def add_members(self, group: Group, people: Iterable[Person], dialect: Dialect) -> None:
        """Add blindly, in portions; whoever has no id is left for the next cycle."""
        for portion in portions([person for person in people if person.id]):
            self.patch(group, dialect.add_members([person.id for person in portion]))
            group.members += [person for person in portion if person not in group.members]

    def remove_members(self, group: Group, people: Iterable[Person], dialect: Dialect) -> None:
        """Remove blindly, in portions."""
        for portion in portions([person for person in people if person.id]):
            self.patch(group, dialect.remove_members([person.id for person in portion]))
            group.members = [person for person in group.members if person not in portion]

    def expect_gone(self, subject: Subject) -> None:
        """404 by id, and nothing by match."""
        expectations.accepted(self.send("GET", self.path_of(subject), subject.name), 404)
        self.expect_nobody(subject)

    def delete(self, subject: Subject) -> None:
        """DELETE, after which it is gone."""
        answer = self.send("DELETE", self.path_of(subject), subject.name)
        expectations.accepted(answer, 204)
        self.expect_gone(subject)
        for made in self.made:
            made.deleted = made.deleted or (made.id == subject.id and answer.status == 204)


def portions(people: Sequence[Person]) -> Iterable[Sequence[Person]]:
    """People in the portions in which one PATCH names them."""
    size = bounds.SIMULATED_MEMBERS_PER_PATCH
    return (people[start : start + size] for start in range(0, len(people), size))


def _creation(subject: Subject) -> dict[str, Any]:
    """The POST's body with what Entra adds of its own: an empty list of roles, meta, a schema of Microsoft's."""
    if isinstance(subject, Group):
        return {
            "schemas": [mapping.GROUP_SCHEMA, mapping.ENTRA_GROUP_SCHEMA],
            **mapping.document(subject.mapped),
            "meta": {"resourceType": "Group"},
        }
    return {
        "schemas": [mapping.USER_SCHEMA, mapping.ENTERPRISE_SCHEMA],
        **mapping.document(subject.mapped),
        mapping.ROLES: [],
        "meta": {"resourceType": "User"},
    }
