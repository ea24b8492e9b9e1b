"""This module creates command-line options from the declared settings."""

import functools
import os
import shlex
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from app import settings as app_settings
from app.settings import Option, Settings


def taking(*names: str, default_folder: Path | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the named options to a command (without names: all), and pass the Settings as its first argument.

    With another default of the data folder, the settings file is not read: the folder is that of another account.
    With names, the settings have what the console has set, if the database can be read: the command says if not.
    """
    chosen = [option for option in app_settings.OPTIONS if not names or option.name in names]
    environ: Mapping[str, str] = os.environ
    if default_folder:
        chosen[0] = replace(chosen[0], default=default_folder)
        environ = ChainMap(os.environ, {chosen[0].environment: str(default_folder)})

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_settings(**arguments: Any) -> Any:
            flags = {option.name: arguments.pop(option.name) for option in chosen}
            settings = app_settings.load(flags, environ, has_file=not default_folder)
            return command(with_console(settings) if names else settings, **arguments)

        decorated: Callable[..., Any] = with_settings
        return functools.reduce(_with_option, reversed(chosen), decorated)

    return decorate


def with_console(settings: Settings, warn: Callable[[str], None] = lambda _line: None) -> Settings:
    """Return the settings with what the console has set, also while a server uses the database.

    `warn` gets a sentence for each value that is not valid, and for a database that cannot be read.
    """
    if not settings.database.is_file():
        return settings
    from app.store.access import setting_rows
    from app.store.database import sqlite_driver

    try:
        stored = setting_rows.read_file(settings.database)
    except sqlite_driver.ERRORS as error:
        warn(f"{settings.database}: the settings of the console cannot be read: {error}")
        return settings
    settings, invalid = settings.with_console(stored)
    for line in invalid:
        warn(line)
    return settings


def command_line(settings: Settings, words: str) -> str:
    """Return a command line for an administrator to copy, with this data folder, for any working directory.

    For the terminal only: unauthenticated clients see the console's public pages, and must not learn the folder.
    """
    folder = shlex.quote(str(settings.data)) if os.name == "posix" else f'"{settings.data}"'
    return f"recnice-scim {words} --data {folder}"


def in_utf8(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Check the value of an option (a click callback): a shell can pass bytes that are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("expected text in UTF-8") from None
    return value


def data_unused(command: Callable[..., Any]) -> Callable[..., Any]:
    """Accept `--data` for a command that does not use the folder, so that scripts can pass it to every command."""
    return click.option("--data", metavar="DIR", expose_value=False, hidden=True)(command)


def _with_option(command: Callable[..., Any], option: Option) -> Callable[..., Any]:
    text = f"{option.help} [{option.environment}" + (
        f"; default {option.default_text}]" if option.default_text else "]"
    )
    if not option.metavar:
        return click.option(f"{option.flag}/--no-{option.flag[2:]}", default=None, help=text)(command)
    return click.option(option.flag, metavar=option.metavar, multiple=option.many, help=text)(command)
