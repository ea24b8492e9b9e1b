"""This module serves the page of administrators and roles."""

from collections.abc import Callable

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration import permissions
from app.administration.accounts import administrators
from app.administration.accounts.administrators import Operator
from app.administration.errors import Refused
from app.console_roles import Role
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session


def list_administrators() -> Response:
    """Show the administrators, a form for a new one, and the table of roles."""
    return _list()


def create_administrator() -> Response:
    """Create an administrator."""
    form = request.form
    user_name, password = form.get("user_name", ""), form.get("password", "")
    try:
        role = _role()
        _require_same(password)
        administrators.create_operator(user_name, password, browser_session.actor(), role)
    except Refused as refused:
        return _list(refused, user_name, form.get("role", ""))
    return redirect(url_for("console.administrators"), 303)


def administrator(administrator_id: str) -> Response:
    """Show one administrator and what can be changed."""
    return _single(_find(administrator_id))


def set_administrator_role(administrator_id: str) -> Response:
    """Change an administrator's role."""
    return _acted(administrator_id, lambda name: administrators.set_role(name, _role(), browser_session.actor()))


def set_administrator_state(administrator_id: str) -> Response:
    """Disable or enable an administrator."""
    is_disabled = request.form.get("disabled") == "yes"
    return _acted(
        administrator_id, lambda name: administrators.set_disabled(name, is_disabled, browser_session.actor())
    )


def reset_administrator_password(administrator_id: str) -> Response:
    """Reset an administrator's password."""
    password = request.form.get("password", "")

    def reset(name: str) -> None:
        _require_same(password)
        administrators.reset_password(name, password, browser_session.actor())

    return _acted(administrator_id, reset)


def turn_off_administrator_two_factor(administrator_id: str) -> Response:
    """Turn off an administrator's two-factor authentication."""
    return _acted(administrator_id, lambda name: administrators.remove_second_factor(name, browser_session.actor()))


def confirm_delete_administrator(administrator_id: str) -> str:
    """Ask for confirmation and name the consequence."""
    return render_template("delete_administrator.html", operator=_find(administrator_id))


def delete_administrator(administrator_id: str) -> Response:
    """Delete an administrator."""
    operator = _find(administrator_id)
    try:
        administrators.delete_operator(operator.user_name, browser_session.actor())
    except Refused as refused:
        return _single(operator, refused)
    return redirect(url_for("console.administrators"), 303)


def _acted(administrator_id: str, act: Callable[[str], None]) -> Response:
    """Run an action on an administrator, by user name, then redirect to the page that displays the result."""
    operator = _find(administrator_id)
    try:
        act(operator.user_name)
    except Refused as refused:
        return _single(operator, refused)
    return redirect(url_for("console.administrator", administrator_id=operator.id, done="yes"), 303)


def _find(administrator_id: str) -> Operator:
    return next((one for one in administrators.list_operators() if one.id == administrator_id), None) or abort(404)


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise Refused("Choose a role.") from None


def _require_same(password: str) -> None:
    if password != request.form.get("repeated", ""):
        raise Refused("The two passwords differ.")


def _list(refused: Refused | None = None, user_name: str = "", role: str = "") -> Response:
    return with_refusal(
        "administrators.html",
        refused,
        operators=administrators.list_operators(),
        roles=tuple(Role),
        permissions=permissions.table(),
        user_name=user_name,
        role=role,
    )


def _single(operator: Operator, refused: Refused | None = None) -> Response:
    return with_refusal(
        "administrator.html",
        refused,
        operator=operator,
        is_oneself=operator.id == browser_session.who().operator_id,
        roles=tuple(Role),
        is_done=refused is None and "done" in request.args,
    )
