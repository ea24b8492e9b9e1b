"""This module serves the page of the guard, the page of one alarm, and the notice of an open alarm on every page."""

from flask import Flask, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration.errors import Refused
from app.observation import guard as alarms
from app.observation.guard import Alarm, Limits
from app.provisioning import alarm_answers
from app.provisioning.alarm_answers import Undone
from app.quantities import counted
from app.scim.errors import ScimError
from app.web.console.shared import list_paging
from app.web.console.shared.list_paging import Pages
from app.web.security import browser_session


def guard() -> str:
    """Show the open alarm, the last ones, what is counted now, and the deletions of users who were active."""
    limits: Limits = current_app.config["RECNICE_GUARD_LIMITS"]
    return render_template("guard.html", overview=alarms.overview(limits), limits=limits)


def alarm(alarm_id: int) -> str:
    """Show one alarm: who is affected, what to do in Entra, and its answers."""
    alarm = alarms.find_alarm(alarm_id) or abort(404)
    pages = Pages(alarm.people, list_paging.page_number())
    return render_template(
        "alarm.html",
        alarm=alarm,
        groups=alarms.groups_of(alarm),
        people=alarms.people_of(alarm, pages.start - 1, bounds.CONSOLE_PAGE_SIZE),
        pages=pages,
    )


def confirm_alarm(alarm_id: int) -> Response:
    """Record that the removals of an alarm are meant."""
    try:
        alarm_answers.confirm_meant(alarm_id, browser_session.actor())
    except Refused as refused:
        flash(str(refused), "wrong")
    else:
        flash("The removals are confirmed as meant. The guard begins to count again.")
    return redirect(url_for("console.alarm", alarm_id=alarm_id), 303)


def undo_alarm(alarm_id: int) -> Response:
    """Undo a part of the removals of an alarm; users are enabled only if the form says so."""
    try:
        enables = request.form.get("enable") == "yes"
        types = current_app.config["RECNICE_RESOURCE_TYPES"]
        undone = alarm_answers.undo(types, alarm_id, browser_session.actor(), enables=enables)
    except Refused as refused:
        flash(str(refused), "wrong")
    else:
        flash(_in_words(undone))
        for name, reason in undone.refused[: bounds.GUARD_REFUSED_SHOWN]:
            flash(f"{name} stays as it is: {reason}", "wrong")
    return redirect(url_for("console.alarm", alarm_id=alarm_id), 303)


def _in_words(undone: Undone) -> str:
    done = f"{counted(undone.put_back, 'deleted user or group is', 'deleted users and groups are')} put back, "
    done += f"{counted(undone.enabled, 'user is', 'users are')} enabled again, and "
    done += f"{counted(undone.joined, 'membership is', 'memberships are')} back."
    return f"{done} This is a part: press Undo again for the rest." if undone.is_more else done


def open_alarm() -> Alarm | None:
    """Return the open alarm, or None, also while the database cannot be read."""
    try:
        return alarms.open_alarm()
    except ScimError:
        return None


def init_app(app: Flask) -> None:
    """Give templates `open_alarm()`."""
    app.jinja_env.globals.update(open_alarm=open_alarm)
