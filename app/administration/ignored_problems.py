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


def ignore_problems(criteria: ProblemFilter, by: Actor) -> int:
    """Ignore the matching open problems until they are over, and return their number."""
    is_recorded = _record(criteria, by, Action.PROBLEMS_IGNORED)
    return problem_list.set_ignored(criteria, is_ignored=True) if is_recorded else 0


def heed_problems(criteria: ProblemFilter, by: Actor) -> int:
    """Stop ignoring the matching problems, and return their number."""
    is_recorded = _record(criteria, by, Action.PROBLEMS_HEEDED)
    return problem_list.set_ignored(criteria, is_ignored=False) if is_recorded else 0


def close_exposure(number: str, by: Actor) -> None:
    """Close the notice that a key was sent over plain http in this request, unless a later request sent it again."""
    exposure = setup_steps.checklist().exposure
    if exposure is None or exposure.number != number:
        return
    with directory_database.writing() as connection:
        audit.record(connection, by, Action.EXPOSURE_CLOSED, number)
    setup_steps.close_exposure(number)


def _record(criteria: ProblemFilter, by: Actor, action: Action) -> bool:
    """Record the action on the matching problems; return False if there are none."""
    count = problem_list.count(criteria)
    if not count:
        return False
    problem = problem_list.find(criteria.id) if criteria.id is not None else None
    with directory_database.writing() as connection:
        audit.record(
            connection,
            by,
            action,
            problem.kind.name if problem else criteria.kind,
            problems=str(count),
            attribute=(problem.attribute if problem else criteria.attribute) or "",
            of=(problem.resource_type if problem else criteria.resource_type) or "",
            who=problem.resource_name or problem.resource_id if problem else "",
        )
    return True
