"""This module simulates the lifecycle of one group: members, a new name, deletion.

Entra never reads members, so it adds and removes them blindly.
"""

from app.simulation import expectations, mapping
from app.simulation.dialects import Dialect, patch
from app.simulation.provisioning_job import Job


def repeat_members(job: Job, dialect: Dialect) -> None:
    """Add all members twice, remove one twice, add a removed one: each time 2xx, and no other member changes."""
    people = [job.newcomer() for _ in range(3)]
    group = job.new_group(people, dialect)
    job.add_members(group, people[:2], dialect)
    job.expect_members(group)
    for _ in range(2):
        job.remove_members(group, people[:1], dialect)
        job.expect_members(group)
    job.add_members(group, people[:1], dialect)
    job.expect_members(group)
    job.read(group)


def empty(job: Job, dialect: Dialect) -> None:
    """Replace the members with an empty list: no member is left, the group is."""
    group = job.new_group([job.newcomer()], dialect)
    job.patch(group, patch({"op": "Replace", "path": "members", "value": []}))
    group.members.clear()
    job.expect_members(group)


def rename(job: Job, dialect: Dialect) -> None:
    """Change the displayName, and find the group under the new one with the old id and all members."""
    group = job.new_group([job.newcomer(), job.newcomer()], dialect)
    old = group.name
    job.change(group, {mapping.DISPLAY_NAME: f"{old} (renamed)"}, dialect, [mapping.DISPLAY_NAME])
    job.expect_match(group)
    job.expect_nobody(group, old)
    job.expect_members(group)


def delete(job: Job, dialect: Dialect) -> None:
    """Delete a group: it no longer exists, but its users do."""
    person = job.newcomer()
    group = job.new_group([person], dialect)
    job.delete(group)
    expectations.accepted(job.send("DELETE", job.path_of(group), group.name), 404)
    job.read(person)
