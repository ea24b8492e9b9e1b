"""This module serves the page of administrators and roles."""

from collections.abc import Callable

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration import permissions
from app.administration.accounts import administrators
from app.administration.accounts.administrators import Operator
from app.administration.errors import Refused
from app.console_roles import Role
from app.web.console.shared.blueprint import console
from app.web.console.shared.error_pages import with_refusal
from app.web.security import request_authentication


@console.get("/administrators")
def operators() -> Response:
    """Show the administrators, a form for a new one, and the table of roles."""
    return _list()


@console.post("/administrators")
def add_operator() -> Response:
    """Create an administrator."""
    form = request.form
    user_name, password = form.get("user_name", ""), form.get("password", "")
    try:
        role = _role()
        _require_same(password)
        administrators.create_operator(user_name, password, request_authentication.actor(), role)
    except Refused as refused:
        return _list(refused, user_name, form.get("role", ""))
    return redirect(url_for("console.operators"), 303)


@console.get("/administrators/<operator_id>", endpoint="operator")
def single(operator_id: str) -> Response:
    """Show one administrator and what can be changed."""
    return _single(_found(operator_id))


@console.post("/administrators/<operator_id>/role")
def set_operator_role(operator_id: str) -> Response:
    """Change an administrator's role."""
    return _acted(operator_id, lambda name: administrators.set_role(name, _role(), request_authentication.actor()))


@console.post("/administrators/<operator_id>/state")
def set_operator_state(operator_id: str) -> Response:
    """Disable or enable an administrator."""
    is_disabled = request.form.get("disabled") == "yes"
    return _acted(
        operator_id, lambda name: administrators.set_disabled(name, is_disabled, request_authentication.actor())
    )


@console.post("/administrators/<operator_id>/password")
def reset_operator_password(operator_id: str) -> Response:
    """Reset an administrator's password."""
    password = request.form.get("password", "")

    def reset(name: str) -> None:
        _require_same(password)
        administrators.reset_password(name, password, request_authentication.actor())

    return _acted(operator_id, reset)


@console.post("/administrators/<operator_id>/second-factor")
def remove_operator_factor(operator_id: str) -> Response:
    """Turn off an administrator's two-factor authentication."""
    return _acted(operator_id, lambda name: administrators.remove_second_factor(name, request_authentication.actor()))


@console.get("/administrators/<operator_id>/delete")
def confirm_delete_operator(operator_id: str) -> str:
    """Ask for confirmation and name the consequence."""
    return render_template("delete_operator.html", operator=_found(operator_id))


@console.post("/administrators/<operator_id>/delete")
def delete_operator(operator_id: str) -> Response:
    """Delete an administrator."""
    operator = _found(operator_id)
    try:
        administrators.delete_operator(operator.user_name, request_authentication.actor())
    except Refused as refused:
        return _single(operator, refused)
    return redirect(url_for("console.operators"), 303)


def _acted(operator_id: str, act: Callable[[str], None]) -> Response:
    """Run an action on an administrator, by user name, then redirect to the page that displays the result."""
    operator = _found(operator_id)
    try:
        act(operator.user_name)
    except Refused as refused:
        return _single(operator, refused)
    return redirect(url_for("console.operator", operator_id=operator.id, done="yes"), 303)


def _found(operator_id: str) -> Operator:
    return next((one for one in administrators.list_operators() if one.id == operator_id), None) or abort(404)


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
        "operators.html",
        refused,
        operators=administrators.list_operators(),
        roles=tuple(Role),
        permissions=permissions.table(),
        user_name=user_name,
        role=role,
    )


def _single(operator: Operator, refused: Refused | None = None) -> Response:
    return with_refusal(
        "operator.html",
        refused,
        operator=operator,
        is_oneself=operator.id == request_authentication.who().operator_id,
        roles=tuple(Role),
        is_done=refused is None and "done" in request.args,
    )
