"""This module simulates Entra's cycles: initial, incremental and on demand."""

from app import bounds
from app.simulation import connection_check, expectations, mapping
from app.simulation.dialects import DEFAULT, Dialect
from app.simulation.directory import Group, Person
from app.simulation.provisioning_job import Job, equals


def provision_group(job: Job, group: Group, dialect: Dialect) -> None:
    """Provision a group in the initial cycle: match and POST without members, then add the members in portions."""
    job.provision(group)
    job.expect_members(group)
    job.add_members(group, group.assigned, dialect)
    job.expect_members(group)
    job.read(group)


def set_manager(job: Job, person: Person, dialect: Dialect) -> None:
    """Set the manager by id in the initial cycle (references), and expect it on the next read."""
    if person.manager is None or not person.manager.id:
        return
    job.patch(person, dialect.manager(person.manager.id))
    expect_manager(job, person, person.manager.id)


def expect_manager(job: Job, person: Person, manager_id: str | None) -> None:
    """Check the manager as read, None for no manager. Entra would send one that is never returned in each cycle."""
    answer = job.read(person)
    manager = mapping.value_at(answer.document, mapping.MANAGER)
    received = manager.get("value") if isinstance(manager, dict) else manager
    answer.check(received == manager_id, f"manager {manager_id}", received)


def update_person(job: Job, person: Person, dialect: Dialect, by_id: bool) -> None:
    """Update a user in an incremental cycle: read by id or by match, PATCH differences, find them on the next read."""
    resource = job.read(person).document if by_id else job.expect_match(person)
    shown = [path for path in mapping.USER_TARGETS if mapping.shows(resource, path)]
    if changed := job.directory.changed(person):
        job.change(person, changed, dialect, shown)


def update_group(job: Job, group: Group, dialect: Dialect) -> None:
    """Update a group in an incremental cycle: add some members, remove some, and expect all others unchanged."""
    job.read(group)
    joining, leaving = job.directory.changed_members(group)
    job.add_members(group, joining, dialect)
    job.remove_members(group, leaving, dialect)
    job.expect_members(group)


def provision_on_demand(job: Job) -> None:
    """Provision on demand: probe, match, POST, then PATCH, and a group with at most five members.

    Entra always uses the default dialect for it, whatever the Tenant URL says.
    """
    connection_check.probe(job)
    person = job.newcomer()
    job.change(person, {**job.directory.changed(person), mapping.ACTIVE: True}, DEFAULT, [mapping.ACTIVE])
    people = [person, *(one for one in job.directory.people if one.id)][: bounds.SIMULATED_MEMBERS_ON_DEMAND]
    group = job.new_group(people, DEFAULT)
    job.expect_members(group)


def look_up_in_every_way(job: Job) -> None:
    """Search by other matching attributes, in another case, and for names that need escaping in a query."""
    person = job.directory.newcomer()
    person.mapped[mapping.WORK_EMAIL] = f"{job.directory.run}.o'neill+a&b#c=50%@Mail.Example.com"
    job.provision(person)
    for value in (person.name.upper(), person.name.lower()):
        job.expect_match(person, value)
    for attribute in (mapping.EXTERNAL_ID, mapping.WORK_EMAIL):
        answer, matches = job.search(person.endpoint, equals(attribute, str(person.mapped[attribute])), person.name)
        if answer.check(len(matches) == 1, "exactly one match", [one.get("id") for one in matches]):
            expectations.same_id(answer, matches[0], person.id)
    group = job.new_group([person], DEFAULT)
    job.expect_match(group, group.name.upper())
    answer = job.send("GET", person.endpoint, person.name, {"filter": f'id eq "{person.id}"', "attributes": "id"})
    matches = expectations.listed(answer)
    answer.check([one.get("id") for one in matches] == [person.id], f"exactly {person.id}", matches)
