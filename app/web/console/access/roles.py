"""This module serves the Roles page.

A change is previewed before it is saved.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration.errors import Refused
from app.administration.roles import granted_roles, role_mapping
from app.administration.roles.role_mapping import MappedRule, Outdated, RawRule
from app.console_roles import Role
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session

BLANKS = 3
"""The number of empty rows in the form, and so of rules that can be added at once."""


def roles() -> str:
    """Show the mapping, and the users that have a role by it."""
    return render_template("roles.html", mapping=role_mapping.mapping(), granted=granted_roles.granted(), **_words())


def edit_roles() -> Response:
    """Show the mapping as a form."""
    return _form(_as_raw(role_mapping.mapping().rules))


def preview_roles() -> Response:
    """Show which users would gain, lose or change a role; save nothing."""
    return _preview(_submitted_rules())


def save_roles() -> Response:
    """Save the previewed mapping."""
    rules = _submitted_rules()
    try:
        role_mapping.save(rules, request.form.get("expected", ""), browser_session.actor())
    except Outdated as outdated:
        return _preview(rules, outdated)
    except Refused as refused:
        return _form(rules, refused)
    return redirect(url_for("console.roles"), 303)


def _preview(rules: Sequence[RawRule], outdated: Outdated | None = None) -> Response:
    try:
        preview = role_mapping.preview(rules)
    except Refused as refused:
        return _form(rules, refused)
    exact = _as_raw(preview.mapping.rules)
    return with_refusal("roles_preview.html", outdated, preview=preview, **_fields(exact))


def _form(rules: Sequence[RawRule], refused: Refused | None = None) -> Response:
    return with_refusal("roles_edit.html", refused, **_fields(rules))


def _as_raw(rules: Sequence[MappedRule]) -> list[RawRule]:
    return [(one.rule.source, one.rule.value, one.rule.role.value) for one in rules]


def _submitted_rules() -> list[RawRule]:
    """Return the rules in the form, unchanged, without empty ones and those to remove."""
    form = request.form
    numbers = [number for number in range(bounds.ROLE_RULES + BLANKS) if f"remove-{number}" not in form]
    rules = [(form.get(f"source-{n}", ""), form.get(f"value-{n}", ""), form.get(f"role-{n}", "")) for n in numbers]
    return [rule for rule in rules if rule[1].strip()]


def _fields(rules: Sequence[RawRule]) -> Mapping[str, Any]:
    """Return the values for the form: the rules, the names of their groups, empty rows, and the choices."""
    names = role_mapping.names_of_groups(value for source, value, _ in rules if source == "group")
    return {"rules": rules, "names": names, "blanks": BLANKS, "groups": role_mapping.groups_offered(), **_words()}


def _words() -> Mapping[str, Any]:
    """Return the roles, highest first, and the title of each source of a rule."""
    roles = {role.value: role.value for role in reversed(Role)}
    return {"roles": roles, "titles": {"app_role": "App role", "group": "Group"}}
