"""This module records when Entra first did each setup step, and reports the newest request if it failed.

It also records the last request that sent a valid key by plain http.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.observation.cycles.detection import PAUSE_S, seconds_between
from app.observation.problem_kinds import access_kinds
from app.observation.problem_kinds.access_kinds import is_outside
from app.observation.problem_kinds.kind_catalog import kind_of, went_wrong
from app.observation.problem_kinds.problem_kind import Kind
from app.request_record import Request, RequestAction
from app.store.database.directory_database import Connection
from app.store.request_log import cycle_rows, log_database, request_rows
from app.store.request_log import setup_step_rows as rows
from app.store.request_log.request_rows import RequestFilter
from app.store.request_log.setup_step_rows import StepRow

PLAIN_HTTP = "plain-http"
"""The name of an entry outside the checklist: the last valid key sent by http although the public URL is https."""
RETURN, PERSON = "cycle", "person"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step of the checklist: what happened, and what to do until it does.

    The first successful request of an `action` about one type of resource or any ("") reaches it, or the first one that
    the condition `is_reached_by` accepts. `RETURN` has neither: see `update_from`.
    """

    name: str
    title: str
    how: str
    action: RequestAction = ""
    resource_type: str = ""
    is_reached_by: Callable[[Request], bool] | None = None

    def first_of(self, batch: Sequence[Request]) -> Request | None:
        """Return the first request that reaches the step."""
        return next(filter(self.is_reached_by or self._is_success, batch), None)

    def _is_success(self, request: Request) -> bool:
        is_about = request.action == self.action and self.resource_type in ("", request.resource_type)
        return is_about and request.has_key and not request.is_refused


SETUP_STEPS = (
    SetupStep(
        "knocked",
        "A request was received at the SCIM URL",
        "Paste the Tenant URL and the SCIM Key from the Account page into Entra, then press Test Connection there.",
        is_reached_by=lambda request: not is_outside(request),
    ),
    SetupStep(
        "key",
        "The SCIM Key was accepted",
        "Press Test Connection in Entra. Entra must send the key of the Account page, or a token of the OAuth page.",
        is_reached_by=lambda request: request.has_key,
    ),
    SetupStep(
        "schemas",
        "Entra read the schemas",
        "Save the settings in Entra, then open a mapping under Provisioning › Mappings.",
        "schema",
    ),
    SetupStep(
        "match",
        "Entra looked for a user",
        "Assign users under Users and groups, then try one of them with Provision on demand.",
        "match",
    ),
    SetupStep(
        PERSON,
        "The first user was created",
        "Try one user with Provision on demand, or press Start provisioning.",
        "create",
        "User",
    ),
    SetupStep(
        "group",
        "The first group was created",
        "Assign a group under Users and groups. Entra sends groups after users.",
        "create",
        "Group",
    ),
    SetupStep(
        RETURN,
        "Entra started another sync",
        "Press Start provisioning and wait. Entra syncs about every 40 minutes, if something changed.",
    ),
    SetupStep(
        "disable",
        "The first user was disabled",
        "This happens when a user leaves, or is no longer assigned to the application.",
        "disable",
    ),
)


@dataclass(frozen=True, slots=True)
class StepState:
    """A step with its state: `at` is when it was reached (wire form), "" until then."""

    step: SetupStep
    at: str
    number: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """All steps, in order. `exposure`: the last request that sent a valid key by http instead of https."""

    steps: tuple[StepState, ...]
    exposure: StepRow | None

    @property
    def have_users_arrived(self) -> bool:
        return any(step.at for step in self.steps if step.step.name == PERSON)

    @property
    def is_complete(self) -> bool:
        return all(step.at for step in self.steps)


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request that failed because of its key, IP address, host or URL, and the kind of its problem."""

    request: Request
    kind: Kind


def update_from(connection: Connection, batch: Sequence[Request]) -> None:
    """Record which steps these requests reached first. Call it after `detection.update_from`."""
    reached = rows.by_name(connection).keys()
    actions = {request.action for request in batch} - {""}
    for step in SETUP_STEPS:
        is_possible = step.name not in reached and (step.is_reached_by or step.action in actions)
        if is_possible and (first := step.first_of(batch)):
            rows.reach(connection, step.name, first.at, first.number)
    if RETURN not in reached:
        _look_for_return(connection, batch)


def update_exposures(connection: Connection, batch: Sequence[Request]) -> None:
    """Record the last of these requests that sent a valid key by plain http."""
    if plain := [request for request in batch if request.is_plain_http and request.has_key]:
        rows.move(connection, PLAIN_HTTP, plain[-1].at, plain[-1].number)


def have_users_arrived(connection: Connection) -> bool:
    """Return whether a client with a valid key has ever created a user."""
    return PERSON in rows.by_name(connection)


def _look_for_return(connection: Connection, batch: Sequence[Request]) -> None:
    """Record a cycle after ten quiet minutes, later than the first user: Entra starts that one without a click."""
    first_user = rows.by_name(connection).get(PERSON)
    cycles = cycle_rows.last(connection, 2)
    if first_user is None or len(cycles) < 2:
        return
    last, before = cycles
    if last.started <= first_user.at or seconds_between(before.ended, last.started) < PAUSE_S:
        return
    first = next((one for one in batch if one.has_key and one.at >= last.started), None)
    if first is not None:
        rows.reach(connection, RETURN, first.at, first.number)


def checklist() -> Checklist:
    """Return the setup steps with their state."""
    with log_database.reading() as connection:
        reached = rows.by_name(connection)
    steps = tuple(
        StepState(one, reached[one.name].at, reached[one.name].number)
        if one.name in reached
        else StepState(one, "", "")
        for one in SETUP_STEPS
    )
    return Checklist(steps, reached.get(PLAIN_HTTP))


def close_exposure(number: str) -> bool:
    """Delete the record of the request that exposed a key; return whether it was still the last such request."""
    with log_database.writing() as connection:
        return rows.forget(connection, PLAIN_HTTP, number)


def last_seen() -> FailedRequest | None:
    """Return the newest request of all if it failed with a kind of access_kinds.py; else None."""
    with log_database.reading() as connection:
        newest = request_rows.page(connection, RequestFilter(), limit=1)
    if not newest or not went_wrong(newest[0]):
        return None
    request, kind = newest[0], kind_of(newest[0])
    if kind not in access_kinds.KINDS:
        return None
    return FailedRequest(request, kind)
