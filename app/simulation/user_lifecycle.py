"""This module plays what happens to one user: a new name, leaving, return, deletion, repeated requests."""

from app.simulation import expectations, mapping
from app.simulation.dialects import Dialect
from app.simulation.directory import Person
from app.simulation.provisioning_job import Job


def rename(job: Job, dialect: Dialect) -> None:
    """A new userName: found under the new one with the old id, and no longer under the old one."""
    person = job.newcomer()
    old = person.name
    local, _, domain = old.rpartition("@")
    job.change(person, {mapping.USER_NAME: f"{local}.renamed@{domain}"}, dialect, [mapping.USER_NAME])
    job.expect_match(person)
    job.expect_nobody(person, old)


def disable_and_restore(job: Job, dialect: Dialect) -> None:
    """Leaving is `active` false: still there by id and by match, still a member; coming back brings no second POST."""
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
    """`active` false in one PATCH with attributes that nobody declared, and with an address where none was."""
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
    """DELETE of somebody disabled: 404 and no match, out of the groups; the name is free again."""
    person, colleague = job.newcomer(), job.newcomer()
    group = job.new_group([person, colleague], dialect)
    job.change(person, {mapping.ACTIVE: False}, dialect, [mapping.ACTIVE])
    job.delete(person)
    expectations.accepted(job.send("DELETE", job.path_of(person), person.name), 404)
    answer = job.send("PATCH", job.path_of(person), person.name, body=dialect.change({mapping.ACTIVE: True}))
    expectations.accepted(answer, 404)
    group.members.remove(person)
    job.expect_members(group)
    again = Person({**person.mapped, mapping.ACTIVE: True})
    job.provision(again)


def create_twice(job: Job) -> None:
    """The same POST once more, as after a lost answer, and in another letter case: 409, and still the same one."""
    person = job.newcomer()
    shouted = Person({**person.mapped, mapping.USER_NAME: person.name.upper()})
    for twin in (person, shouted):
        expectations.refused(job.post(twin), 409, "uniqueness")
        job.expect_match(person)


def rename_onto_another(job: Job, dialect: Dialect) -> None:
    """A userName that somebody else has: 409, and nothing of that PATCH is done."""
    person, other = job.newcomer(), job.newcomer()
    body = dialect.change({mapping.TITLE: "half done", mapping.USER_NAME: other.name}, [mapping.USER_NAME])
    expectations.refused(job.send("PATCH", job.path_of(person), person.name, body=body), 409, "uniqueness")
    answer = job.read(person)
    title = mapping.value_at(answer.document, mapping.TITLE)
    answer.check(title == person.mapped.get(mapping.TITLE), "the title as before", title)


def patch_twice(job: Job, dialect: Dialect) -> None:
    """The same PATCH once more: as good as once."""
    person = job.newcomer()
    changed = job.directory.changed(person)
    for shown in ([], list(changed)):
        job.change(person, changed, dialect, shown)
