"""This module serves the page Settings."""

from collections.abc import Mapping

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import log_events
from app.administration import console_settings
from app.administration.errors import Refused
from app.jobs import scheduler
from app.quantities import counted
from app.settings import (
    CONSOLE_OPTIONS,
    OPTIONS,
    InvalidValuesError,
    Option,
    Settings,
    SettingsError,
    as_text,
    console_changes,
)
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session

_SECTIONS: dict[str, list[Option]] = {}
for _option in CONSOLE_OPTIONS:
    if _option.console:
        _SECTIONS.setdefault(_option.console.section, []).append(_option)
_BY_NAME = {one.name: one for one in OPTIONS}


def settings() -> Response:
    """Show the options that the console may set, each with its value and origin."""
    return _page()


def save_settings() -> Response:
    """Save what was changed; ask first where a wrong value can keep Entra and browsers out."""
    entered = {one.name: request.form[one.name] for one in CONSOLE_OPTIONS if one.name in request.form}
    try:
        following = _following()
        changed = console_changes(entered, following)
    except SettingsError as error:
        return _page(Refused(f"Nothing was saved, since recnice.toml must be corrected first. {error}"), entered)
    except InvalidValuesError as error:
        return _page(Refused("Nothing was saved. Correct the marked fields."), entered, error.errors)
    risky = [one for one in CONSOLE_OPTIONS if one.name in changed and one.console and one.console.may_lock_out]
    if risky and "confirmed" not in request.form:
        after = following.following(_values() | dict(changed))
        return make_response(
            render_template(
                "confirm_settings.html", changed=changed, risky=risky, before=following, after=after, as_text=_text
            )
        )
    before = {name: _text(following, _BY_NAME[name]) for name in changed}
    console_settings.save(changed, before, browser_session.actor())
    _apply()
    flash(f"Saved {counted(len(changed), 'setting')}." if changed else "No setting was changed.")
    return redirect(url_for("console.settings"), 303)


def _text(settings: Settings, option: Option) -> str:
    return as_text(getattr(settings, option.name))


def _values() -> dict[str, str]:
    return {name: row.value for name, row in console_settings.stored().items()}


def _current() -> Settings:
    current: Settings = current_app.config["RECNICE_SETTINGS"]
    return current


def _following() -> Settings:
    return _current().following(_values())


def _apply() -> None:
    """Let the server use what takes effect without a restart."""
    current = _current().with_values_at_once(_following())
    current_app.config["RECNICE_SETTINGS"] = current
    scheduler.current().use(current)
    log_events.set_level(current.log_level)


def _page(
    refused: Refused | None = None, entered: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    trouble = ""
    try:
        following = _following()
    except SettingsError as error:
        following, trouble = _current(), str(error)
    return with_refusal(
        "settings.html",
        refused,
        sections=_SECTIONS,
        following=following,
        values={one.name: _text(following, one) for one in CONSOLE_OPTIONS} | dict(entered or {}),
        origins=following.origins,
        stored=console_settings.stored(),
        errors=errors or {},
        due=[_BY_NAME[name] for name in _current().changed_by(following)],
        trouble=trouble,
    )
