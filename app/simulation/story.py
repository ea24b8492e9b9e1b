"""This module runs the stages of a simulation in order."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from app.simulation import (
    account_discovery,
    cleanup,
    connection_check,
    cycles,
    group_lifecycle,
    unusual_requests,
    user_lifecycle,
)
from app.simulation.client import EntraClient, UnreachableError
from app.simulation.dialects import Dialect
from app.simulation.directory import Directory, Group
from app.simulation.ledger import Ledger, Watch
from app.simulation.provisioning_job import GROUPS, PEOPLE, AbandonedError, Job

Step = Callable[[Job], None]
RUN = "rehearsal-"
CLEANING = "Cleaning up"


def new_run() -> str:
    """Return the word that every name of one run begins with."""
    return RUN + secrets.token_hex(4)


@dataclass(frozen=True)
class Plan:
    """The plan of a simulation. `alone`: the service was started for this simulation, and is removed with it.

    `keeps`: a completed simulation does not delete what it created.
    """

    people: int
    groups: int
    dialects: Sequence[Dialect]
    seed: int
    alone: bool
    keeps: bool = False
    run: str = field(default_factory=new_run)


@dataclass(frozen=True)
class Scene:
    """One stage of the simulation: steps that do not need each other's success."""

    name: str
    steps: Sequence[Step]


def scenes(directory: Directory, dialects: Sequence[Dialect]) -> Iterator[Scene]:
    """Yield Entra's stages with one service, from the first click to the last deletion."""
    first = dialects[0]
    yield Scene(
        "Test Connection",
        [connection_check.probe, partial(connection_check.probe, kind=Group), connection_check.validate_credentials],
    )
    yield Scene("Mapping page", [connection_check.read_schemas])
    yield Scene("Initial cycle: people", [partial(Job.provision, subject=person) for person in directory.people])
    yield Scene(
        "Initial cycle: groups",
        [partial(cycles.provision_group, group=group, dialect=first) for group in directory.groups],
    )
    yield Scene(
        "Initial cycle: references",
        [partial(cycles.set_manager, person=person, dialect=first) for person in directory.people],
    )
    yield Scene("Look-ups", [cycles.look_up_in_every_way, unusual_requests.refusals])
    yield Scene("Provision on demand", [cycles.provision_on_demand])
    for dialect in dialects:
        yield from _scenes_in(directory, dialect)
    twice = (directory.newcomer(), directory.new_group())
    yield Scene("Created twice", [partial(unusual_requests.create_twice, subject=subject) for subject in twice])
    yield Scene("Roles", [unusual_requests.one_role, unusual_requests.many_roles, unusual_requests.all_roles])
    yield Scene("Odd creation", [unusual_requests.odd_creation])
    yield Scene(
        "Account discovery", [partial(account_discovery.walk, endpoint=endpoint) for endpoint in (PEOPLE, GROUPS)]
    )


def _scenes_in(directory: Directory, dialect: Dialect) -> Iterator[Scene]:
    updates: list[Step] = [
        partial(cycles.update_person, person=person, dialect=dialect, by_id=bool(number % 2))
        for number, person in enumerate(directory.people)
    ]
    updates += [partial(cycles.update_group, group=group, dialect=dialect) for group in directory.groups]
    yield Scene(f"Incremental cycle, {dialect.name}", updates)
    for name, plays in (
        ("New names", (user_lifecycle.rename, user_lifecycle.rename_onto_another, group_lifecycle.rename)),
        ("Disable and restore", (user_lifecycle.disable_and_restore, user_lifecycle.disable_beside_others)),
        ("Members sent blindly", (group_lifecycle.repeat_members, group_lifecycle.empty)),
        ("Sent twice", (user_lifecycle.patch_twice,)),
        ("Nulls and odd values", (unusual_requests.nulls, unusual_requests.long_values, unusual_requests.managers)),
        ("Deletion", (user_lifecycle.hard_delete, group_lifecycle.delete)),
    ):
        yield Scene(f"{name}, {dialect.name}", [partial(play, dialect=dialect) for play in plays])


def rehearse(plan: Plan, client: EntraClient, ledger: Ledger, watch: Watch) -> None:
    """Run the simulation up to the first scene with a failed check, then delete what it created, also after an error.

    After an error, a service that was started for the simulation is removed as it is. Raises UnreachableError.
    """
    directory = Directory(plan.people, plan.groups, plan.seed, plan.run)
    job = Job(client, directory, plan.alone)
    try:
        for scene in scenes(directory, plan.dialects):
            play(job, scene, ledger, watch)
            if ledger.failed:
                ledger.stopped = scene.name
                break
    except BaseException:
        if not plan.alone and job.made:
            clean_up(job, ledger, watch)
        raise
    if not plan.keeps:
        clean_up(job, ledger, watch)


def play(job: Job, scene: Scene, ledger: Ledger, watch: Watch) -> None:
    """Run one scene. A step that cannot continue has recorded why, and the next one begins."""
    stage = ledger.begin(scene.name)
    watch.began(stage, len(scene.steps))
    for step in scene.steps:
        with suppress(AbandonedError):
            step(job)
        watch.stepped()
    watch.ended(stage)


def clean_up(job: Job, ledger: Ledger, watch: Watch) -> None:
    """Run the last scene, the deletions. Raises UnreachableError.

    Newest first, since references are deleted before what they refer to; but last of all requests that were never
    answered and may still be in progress.
    """
    left = sorted((made for made in reversed(job.made) if not made.deleted), key=lambda made: not made.answered)
    try:
        play(job, Scene(CLEANING, [partial(cleanup.clean, made=made) for made in left]), ledger, watch)
    except UnreachableError as error:
        raise UnreachableError(f"{error}; not deleted there: what begins with {job.directory.run}") from None
