"""This module implements `schema`, `config` and `version`, which do not open the database."""

import platform
from collections.abc import Iterable
from pathlib import Path

import click

from app.commands.shared.options import data_unused, taking
from app.commands.shared.table import Row, listing
from app.settings import Settings
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


@click.command()
@listing("setting", "value", "origin")
@taking()
def config(settings: Settings) -> Iterable[Row]:
    """List every setting and the origin of its value."""
    return settings.rows()


@click.command()
@data_unused
def version() -> None:
    """Print the versions of Recnice SCIM, Python and SQLite."""
    from app.store.database.sqlite_driver import sqlite_version

    click.echo(f"recnice-scim {VERSION} (Python {platform.python_version()}, SQLite {sqlite_version()})")
