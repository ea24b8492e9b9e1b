"""This module makes command-line options from the declared settings."""

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from app import settings
from app.settings import Option


def taking(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the named options (all of them without names) and hand it the Settings as its first argument."""
    chosen = [option for option in settings.OPTIONS if not names or option.name in names]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_settings(**given: Any) -> Any:
            flags = {option.name: given.pop(option.name) for option in chosen}
            return command(settings.load(flags, os.environ), **given)

        decorated: Callable[..., Any] = with_settings
        for option in reversed(chosen):
            decorated = _click_option(option)(decorated)
        return decorated

    return decorate


def in_utf8(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A callback for words that are kept or looked up: a shell can pass bytes that are no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("expected text in UTF-8") from None
    return value


def data_unused(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take `--data` where nothing in the folder is needed, so that scripts may give it to every command alike."""
    return click.option("--data", metavar="DIR", expose_value=False, hidden=True)(command)


def _click_option(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    note = f" [{option.environment}" + (f"; default {settings.as_text(option.default)}]" if option.default else "]")
    if option.is_switch:
        return click.option(f"{option.flag}/--no-{option.flag[2:]}", default=None, help=option.help + note)
    return click.option(option.flag, metavar=option.metavar, multiple=option.many, help=option.help + note)
