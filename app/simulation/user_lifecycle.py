"""This module simulates the lifecycle of one user: a new name, leaving, return, deletion, repeated requests."""

from app.simulation import expectations, mapping
from app.simulation.dialects import Dialect
from app.simulation.directory import Person
from app.simulation.provisioning_job import Job


def rename(job: Job, dialect: Dialect) -> None:
    """Change the userName: the user is found under the new one with the old id, and no longer under the old one."""
    person = job.newcomer()
    old = person.name
    local, _, domain = old.rpartition("@")
    job.change(person, {mapping.USER_NAME: f"{local}.renamed@{domain}"}, dialect, [mapping.USER_NAME])
    job.expect_match(person)
    job.expect_nobody(person, old)


def disable_and_restore(job: Job, dialect: Dialect) -> None:
    """Send `active` false, then true: the user is still found by id and by match, still a member; no second POST."""
    person = job.newcomer()
    group = job.new_group([person], dialect)
    for shown in ([mapping.ACTIVE], []):  # the second time as Add, which Entra sends after a read without `active`
        job.change(person, {mapping.ACTIVE: False}, dialect, shown)
        job.expect_match(person)
        job.expect_members(group)
        expectations.refused(job.post(person), 409, "uniqueness")
        job.change(person, {mapping.ACTIVE: True}, dialect, shown)
        job.expect_match(person)
        job.expect_members(group)


def disable_beside_others(job: Job, dialect: Dialect) -> None:
    """Send `active` false in one PATCH with undeclared attributes, and with a new value of `addresses`."""
    person = job.newcomer()
    body = dialect.change(
        {
            "extensionAttribute15": "x",
            "urn:ietf:params:scim:schemas:extension:other:2.0:User:color": "red",
            mapping.LOCALITY: "Leeds",
            mapping.ACTIVE: False,
        }
    )
    job.patch(person, body)
    person.mapped.update({mapping.LOCALITY: "Leeds", mapping.ACTIVE: False})
    job.read(person)


def hard_delete(job: Job, dialect: Dialect) -> None:
    """Delete a disabled user: 404 and no match, removed from the groups; the name can be used again."""
    person, colleague = job.newcomer(), job.newcomer()
    group = job.new_group([person, colleague], dialect)
    job.change(person, {mapping.ACTIVE: False}, dialect, [mapping.ACTIVE])
    job.delete(person)
    expectations.accepted(job.send("DELETE", job.path_of(person), person.name), 404)
    answer = job.send("PATCH", job.path_of(person), person.name, body=dialect.change({mapping.ACTIVE: True}))
    expectations.accepted(answer, 404)
    del group.members[person]
    job.expect_members(group)
    again = Person({**person.mapped, mapping.ACTIVE: True})
    job.provision(again)


def rename_onto_another(job: Job, dialect: Dialect) -> None:
    """Change a userName to another user's: 409, and nothing of that PATCH is applied."""
    person, other = job.newcomer(), job.newcomer()
    body = dialect.change({mapping.TITLE: "half done", mapping.USER_NAME: other.name}, [mapping.USER_NAME])
    expectations.refused(job.send("PATCH", job.path_of(person), person.name, body=body), 409, "uniqueness")
    answer = job.read(person)
    title = mapping.value_at(answer.document, mapping.TITLE)
    answer.check(title == person.mapped.get(mapping.TITLE), "the title as before", title)


def patch_twice(job: Job, dialect: Dialect) -> None:
    """Send the same PATCH twice: the result is the same as after once."""
    person = job.newcomer()
    changed = job.directory.changed(person)
    for shown in ([], list(changed)):
        job.change(person, changed, dialect, shown)
