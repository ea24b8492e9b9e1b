"""This module holds the invented directory on Entra's side and its changes.

The same seed gives the same directory. Every name begins with the run's own word, so that runs never collide and the
resources of a run can be identified.
"""

import random
from dataclasses import dataclass, field
from typing import ClassVar

from app import bounds
from app.simulation import mapping, sample_values
from app.simulation.mapping import Mapped

MANAGED_SHARE = 0.7
GUEST_SHARE = 0.1
MISSING_SHARE = 0.3
GROUP_SHARE = 0.4


@dataclass(eq=False)
class Entry:
    """A user or a group in the directory. `id` is what Entra remembers from the answer to its POST, "" before."""

    endpoint: ClassVar[str]
    matching: ClassVar[str]
    mapped: Mapped
    id: str = field(default="", kw_only=True)

    @property
    def name(self) -> str:
        """The matching value."""
        return str(self.mapped[self.matching])


@dataclass(eq=False)
class Person(Entry):
    """A user in the directory."""

    endpoint = "/Users"
    matching = mapping.USER_NAME
    manager: "Person | None" = None


@dataclass(eq=False)
class Group(Entry):
    """A group in the directory; the keys of `members` are those that Entra has sent to the service, in their order."""

    endpoint = "/Groups"
    matching = mapping.DISPLAY_NAME
    assigned: list[Person] = field(default_factory=list)
    members: dict[Person, None] = field(default_factory=dict)


class Directory:
    """Users with managers, groups with assigned users, and a new user whenever a stage requires its own."""

    def __init__(self, people: int, groups: int, seed: int, run: str) -> None:
        self.run = run
        self._chance = random.Random(seed)
        self._count = 0
        self.people = [self.newcomer() for _ in range(people)]
        for number, person in enumerate(self.people):
            if number and self._chance.random() < MANAGED_SHARE:
                # Only a user earlier in the list, so that managers form no circle, not even of one user.
                person.manager = self.people[self._chance.randrange(number)]
        self.groups = [self.new_group() for _ in range(groups)]
        for number, group in enumerate(self.groups):
            share = self._chance.random() * GROUP_SHARE
            size = min(bounds.SIMULATED_GROUP_SIZE, max(1, round(people * share)))
            group.assigned = self.some(size if number else people)  # The first group has every user.

    def newcomer(self) -> Person:
        """Return a new user who has not been sent to the service."""
        self._count += 1
        given_name, family, nickname = self._chance.choice(sample_values.NAMES)
        unique = f"{self.run}.{nickname}.{self._count}"
        guest = self._chance.random() < GUEST_SHARE
        mapped: Mapped = {
            mapping.USER_NAME: f"{unique}_fabrikam.com#EXT#@Example.com" if guest else f"{unique}@Example.com",
            mapping.ACTIVE: True,
            mapping.DISPLAY_NAME: f"{given_name} {family}",
            mapping.EXTERNAL_ID: unique,
            mapping.GIVEN_NAME: given_name,
            mapping.FAMILY_NAME: family,
            mapping.FORMATTED_NAME: f"{given_name} {family}",
            mapping.EMPLOYEE_NUMBER: f"{self._count:06}",
        }
        self._sometimes(mapped, mapping.WORK_EMAIL, f"{unique}@Mail.Example.com")
        self._sometimes(mapped, mapping.TITLE, self._chance.choice(sample_values.TITLES))
        self._sometimes(mapped, mapping.DEPARTMENT, self._chance.choice(sample_values.DEPARTMENTS))
        self._sometimes(mapped, mapping.LANGUAGE, self._chance.choice(sample_values.LANGUAGES))
        self._sometimes(mapped, mapping.WORK_PHONE, f"+44 (0)20 7946 {self._chance.randrange(10_000):04}")
        if self._chance.random() >= MISSING_SHARE:
            mapped.update(self._office())
        return Person(mapped)

    def new_group(self) -> Group:
        """Return a new group without members."""
        self._count += 1
        name = f"{self.run} {self._chance.choice(sample_values.GROUP_NAMES)} {self._count}"
        return Group({mapping.DISPLAY_NAME: name, mapping.EXTERNAL_ID: f"{self.run}-group-{self._count}"})

    def changed(self, person: Person) -> Mapped:
        """Return the changes of a user in an ordinary week: only attributes whose value really changes."""
        given_name = str(person.mapped[mapping.GIVEN_NAME])
        family = self._chance.choice(sample_values.NEW_FAMILY_NAMES)
        events: tuple[Mapped, ...] = (
            {
                mapping.FAMILY_NAME: family,
                mapping.FORMATTED_NAME: f"{given_name} {family}",
                mapping.DISPLAY_NAME: f"{given_name} {family}",
                mapping.WORK_EMAIL: f"{self.run}.{self._chance.randrange(10**6)}@Mail.Example.com",
            },
            {
                mapping.TITLE: self._chance.choice(sample_values.TITLES),
                mapping.DEPARTMENT: self._chance.choice(sample_values.DEPARTMENTS),
            },
            {mapping.LANGUAGE: self._chance.choice(sample_values.LANGUAGES), **self._office()},
        )
        chosen = {**self._chance.choice(events), mapping.WORK_PHONE: f"+49 40 {self._chance.randrange(10**7):07}"}
        return {path: value for path, value in chosen.items() if person.mapped.get(path) != value}

    def changed_members(self, group: Group) -> tuple[list[Person], list[Person]]:
        """Return the users who join a group and those who leave it in an ordinary week."""
        outside = [person for person in self.people if person not in group.members]
        joining = self._chance.sample(outside, min(len(outside), 3))
        leaving = self._chance.sample(list(group.members), len(group.members) // 3)
        return joining, leaving

    def some(self, count: int) -> list[Person]:
        """Return `count` users of the directory, or all if there are fewer."""
        return self._chance.sample(self.people, min(count, len(self.people)))

    def _sometimes(self, mapped: Mapped, path: str, value: str) -> None:
        if self._chance.random() >= MISSING_SHARE:
            mapped[path] = value

    def _office(self) -> Mapped:
        paths = (
            mapping.OFFICE, mapping.STREET, mapping.LOCALITY, mapping.REGION, mapping.POSTAL_CODE, mapping.COUNTRY
        )  # fmt: skip
        return {
            path: value for path, value in zip(paths, self._chance.choice(sample_values.OFFICES), strict=True) if value
        }
