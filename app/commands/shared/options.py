"""This module makes command-line options from the declared settings."""

import functools
import os
import shlex
from collections.abc import Callable
from typing import Any

import click

from app import settings as app_settings
from app.settings import Option, Settings


def taking(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the named options (all of them without names) and hand it the Settings as its first argument."""
    chosen = [option for option in app_settings.OPTIONS if not names or option.name in names]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_settings(**given: Any) -> Any:
            flags = {option.name: given.pop(option.name) for option in chosen}
            return command(app_settings.load(flags, os.environ), **given)

        decorated: Callable[..., Any] = with_settings
        for option in reversed(chosen):
            decorated = _click_option(option)(decorated)
        return decorated

    return decorate


def command_line(settings: Settings, words: str) -> str:
    """Return a command line for an administrator to copy, which finds this data folder from any other.

    For the terminal only: clients without a session see the console's open pages, and need not know the folder.
    """
    folder = shlex.quote(str(settings.data)) if os.name == "posix" else f'"{settings.data}"'
    return f"recnice-scim {words} --data {folder}"


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
    note = f" [{option.environment}" + (f"; default {option.default_text}]" if option.default_text else "]")
    if not option.metavar:
        return click.option(f"{option.flag}/--no-{option.flag[2:]}", default=None, help=option.help + note)
    return click.option(option.flag, metavar=option.metavar, multiple=option.many, help=option.help + note)
