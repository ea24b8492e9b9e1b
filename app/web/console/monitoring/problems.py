"""This module serves the Problems page and the page of one problem."""

from dataclasses import replace

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration import ignored_problems
from app.administration.errors import Refused
from app.observation.problem_kinds.kind_catalog import BY_NAME, KINDS
from app.observation.problems import problem_list, refused_removals
from app.observation.problems.problem_list import Problem, ProblemFilter, Status
from app.provisioning import local_removal
from app.quantities import counted
from app.web.console.shared import list_paging
from app.web.console.shared.filter_form import choice
from app.web.console.shared.list_paging import Column, Pages
from app.web.security import browser_session

COLUMNS: tuple[Column[Problem], ...] = (
    Column("severity", "Severity", lambda problem: problem.severity.value_name),
    Column("kind", "Kind", lambda problem: problem.kind.name),
    Column("title", "Problem", lambda problem: problem.kind.title),
    Column("attribute", "Attribute", lambda problem: problem.attribute),
    Column("resourceType", "Type", lambda problem: problem.resource_type),
    Column("resourceName", "Affected", lambda problem: problem.resource_name),
    Column("resourceId", "ID", lambda problem: problem.resource_id),
    Column("otherId", "Other record", lambda problem: problem.other_id),
    Column("status", "Response", lambda problem: problem.status),
    Column("reason", "Reason", lambda problem: problem.reason),
    Column("count", "Requests", lambda problem: problem.count),
    Column("first", "First", lambda problem: problem.first),
    Column("last", "Last", lambda problem: problem.last),
    Column("nextTry", "Next try", lambda problem: problem.next_try.at),
    Column("number", "Last request", lambda problem: problem.number),
    Column("closed", "Closed", lambda problem: problem.closed),
    Column("closedBy", "Closed by request", lambda problem: problem.closed_by),
    Column("ignored", "Ignored", lambda problem: problem.ignored),
)

TABS: dict[Status, str] = {"open": "Open", "closed": "Closed", "ignored": "Ignored"}


def problems() -> str | Response:
    """Show the causes, the worst first; the open ones unless another tab is requested.

    `open` in the URL is the ID of a problem whose cause is expanded; without it, that is the first cause.
    """
    criteria = _criteria()
    if list_paging.export_format():
        return list_paging.export(f"problems-{criteria.status}", COLUMNS, problem_list.every(criteria))
    number = list_paging.page_number()
    page = problem_list.by_cause(criteria, Pages(0, number).start)
    return render_template(
        "problems.html",
        criteria=criteria,
        tabs=TABS,
        kinds=sorted(KINDS, key=lambda kind: kind.title),
        page=page,
        opened=request.args.get("open", type=int),
        standing=refused_removals.standing(),
        pages=Pages(page.total, number),
    )


def problem(problem_id: int) -> str:
    """Show one problem: what was sent and refused, how to fix it, and its requests."""
    problem = _find(problem_id)
    return render_template(
        "problem.html",
        problem=problem,
        standing=refused_removals.standing(problem_id),
        was_due=refused_removals.had_any(problem_id),
        requests=problem_list.requests_of(problem),
    )


def confirm_access_removal() -> str | Response:
    """Ask whether to disable a user, or to remove one from a group, as a refused request intended.

    Raises 404 for a URL without a user.
    """
    pair = request.args.get("user_id") or abort(404), request.args.get("group_id", "")
    users = refused_removals.standing(limit=bounds.DUE_REMOVALS_READ).users
    here = next((one for one in users if (one.user_id, one.group_id) == pair), None)
    if here is None:
        flash(local_removal.OVER, "wrong")
        return redirect(url_for("console.problems"), 303)
    return render_template("remove_access.html", here=here)


def remove_access() -> Response:
    """Disable a user, or remove one from a group, as a refused request intended."""
    user_id, group_id = request.form.get("user_id", ""), request.form.get("group_id", "")
    try:
        name = local_removal.remove_access(user_id, group_id, browser_session.actor())
    except Refused as refused:
        flash(str(refused), "wrong")
    else:
        flash(f"{name} is {'removed from the group' if group_id else 'disabled'}.")
    return redirect(url_for("console.problems"), 303)


def ignore_problems() -> Response:
    """Ignore all open problems of one cause; a message says how many, and how to undo it."""
    count = ignored_problems.ignore_problems(replace(_cause(), status="open"), browser_session.actor())
    flash(f"{counted(count, 'problem is', 'problems are')} ignored. Stop ignoring undoes it.")
    return redirect(url_for("console.problems", tab="ignored"), 303)


def stop_ignoring_problems() -> Response:
    """Stop ignoring all ignored problems of one cause."""
    count = ignored_problems.heed_problems(replace(_cause(), status="ignored"), browser_session.actor())
    flash(f"{counted(count, 'problem is', 'problems are')} open again.")
    return redirect(url_for("console.problems"), 303)


def ignore_problem(problem_id: int) -> Response:
    """Ignore one open problem."""
    _find(problem_id)
    ignored_problems.ignore_problems(ProblemFilter("open", id=problem_id), browser_session.actor())
    return redirect(url_for("console.problem", problem_id=problem_id), 303)


def stop_ignoring_problem(problem_id: int) -> Response:
    """Stop ignoring one problem."""
    _find(problem_id)
    ignored_problems.heed_problems(ProblemFilter("ignored", id=problem_id), browser_session.actor())
    return redirect(url_for("console.problem", problem_id=problem_id), 303)


def _criteria() -> ProblemFilter:
    """Return the filter in the URL. Raises 404 for an unknown tab or kind."""
    text = request.args.get("q", "").strip()[: bounds.SEARCH_TEXT_LENGTH]
    return ProblemFilter(choice("tab", TABS), choice("kind", ("", *BY_NAME)), request.args.get("attribute"), text)


def _cause() -> ProblemFilter:
    """Return the cause that a form names. Raises 400 for an unknown kind."""
    form = request.form
    if form.get("kind") not in BY_NAME:
        abort(400)
    return ProblemFilter(
        kind=form["kind"], attribute=form.get("attribute", ""), resource_type=form.get("resource_type", "")
    )


def _find(problem_id: int) -> Problem:
    return problem_list.find(problem_id) or abort(404)
