"""This module ignores problems and notices, and stops ignoring them; both are audited.

The request log is a separate file, so the entry and the change cannot be one transaction. The entry is written first:
an action without an entry would be worse than an entry whose action fails.
"""

from app.administration import audit
from app.administration.audit import Action, Actor
from app.observation import setup_steps
from app.observation.problems import problem_list
from app.observation.problems.problem_list import ProblemFilter
from app.store.database import directory_database


def ignore_problems(wanted: ProblemFilter, by: Actor, problem_id: int | None = None) -> int:
    """Ignore open problems until they are over, and return their number.

    They are all of a filter, or only the one with `problem_id` if the filter matches it.
    """
    if not _record(wanted, by, Action.PROBLEMS_IGNORED, problem_id):
        return 0
    return problem_list.ignore(wanted, problem_id)


def heed_problems(wanted: ProblemFilter, by: Actor, problem_id: int | None = None) -> int:
    """Stop ignoring problems, selected as in `ignore_problems`, and return their number."""
    if not _record(wanted, by, Action.PROBLEMS_HEEDED, problem_id):
        return 0
    return problem_list.heed(wanted, problem_id)


def close_exposure(number: str, by: Actor) -> None:
    """Close the notice that a key was sent over plain http in this request, unless a later request sent it again."""
    exposure = setup_steps.checklist().exposure
    if exposure is None or exposure.number != number:
        return
    with directory_database.writing() as connection:
        audit.record(connection, by, Action.EXPOSURE_CLOSED, number)
    setup_steps.close_exposure(number)


def _record(wanted: ProblemFilter, by: Actor, action: Action, problem_id: int | None) -> int:
    """Record the action, and return the number of problems to change; nothing is recorded if it is 0."""
    count = problem_list.count(wanted, problem_id)
    if count:
        problem = problem_list.find(problem_id) if problem_id is not None else None
        kind = problem.kind.name if problem else wanted.kind
        with directory_database.writing() as connection:
            audit.record(
                connection,
                by,
                action,
                kind,
                problems=str(count),
                attribute=(problem.attribute if problem else wanted.attribute) or "",
                of=(problem.resource_type if problem else wanted.resource_type) or "",
                who=problem.resource_name or problem.resource_id if problem else "",
            )
    return count
