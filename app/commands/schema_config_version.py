"""This module implements `schema`, `config` and `version`, which need no database."""

import platform
from collections.abc import Iterable
from pathlib import Path

import click

from app import exit_codes
from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import data_unused, taking, with_console
from app.commands.shared.table import Row, listing, printing_json, show
from app.settings import CONSOLE, CONSOLE_OPTIONS, DEFAULT, Settings
from app.version import VERSION

SCHEMA_COLUMNS = ("attribute", "type", "many", "required", "case_exact", "mutability", "returned", "unique", "index")


def schema_rows(folder: Path) -> list[tuple[str | bool, ...]]:
    """Return a row of SCHEMA_COLUMNS for every attribute, built-in or from the folder of custom schemas."""
    from app.scim import custom_schemas

    return [
        (
            f"{resource_type.name} {attribute.path}",
            attribute.type,
            attribute.multi_valued,
            attribute.required,
            attribute.traits.case_exact,
            attribute.traits.mutability,
            attribute.traits.returned,
            attribute.traits.uniqueness,
            attribute.traits.lookup,
        )
        for resource_type in custom_schemas.read(folder)
        for attribute in resource_type.tree.walk()
    ]


@click.command()
@listing(*SCHEMA_COLUMNS)
@taking("data")
def schema(settings: Settings) -> Iterable[Row]:
    """List every attribute with its characteristics."""
    return schema_rows(settings.schemas)


_COLUMNS = ("setting", "value", "origin")


@click.group(cls=CommandGroup, invoke_without_command=True, no_args_is_help=False)
@printing_json(*_COLUMNS, is_array=True)
@taking()
@click.pass_context
def config(context: click.Context, settings: Settings, is_json: bool) -> None:
    """List every setting and the origin of its value."""
    if context.invoked_subcommand is None:
        show(_COLUMNS, with_console(settings, _warn).rows(), is_json)


def _warn(line: str) -> None:
    click.echo(f"warning: {line}", err=True)


@config.command()
@click.argument("name", type=click.Choice([one.name for one in CONSOLE_OPTIONS]), metavar="NAME")
@taking("data")
def unset(settings: Settings, name: str) -> None:
    """Delete the value of a setting that the console has set, such as one that prevents signing in."""
    if settings.origins[name] not in (CONSOLE, DEFAULT):
        click.echo(f"{name}: {settings.origins[name]} has another value, which remains")
    with open_data_folder(settings):
        from app.administration import audit, console_settings

        if not console_settings.unset(name, audit.HOST):
            raise exit_codes.CommandError(f"{name}: expected a setting that the console has set")


@click.command()
@data_unused
def version() -> None:
    """Print the versions of Recnice SCIM, Python and SQLite."""
    from app.store.database.sqlite_driver import sqlite_version

    click.echo(f"recnice-scim {VERSION} (Python {platform.python_version()}, SQLite {sqlite_version()})")
