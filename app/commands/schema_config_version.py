"""This module implements `schema`, `config` and `version`, which do not open the database."""

import platform
from pathlib import Path

import click

from app.commands.shared.options import data_unused, taking
from app.commands.shared.table import show
from app.settings import Settings
from app.version import VERSION

SCHEMA_COLUMNS = ("attribute", "type", "many", "required", "case exact", "mutability", "returned", "unique", "index")


def schema_rows(folder: Path) -> list[tuple[str, ...]]:
    """Return a row of SCHEMA_COLUMNS for every attribute, built-in or from the folder of custom schemas."""
    from app.scim import custom_schemas

    return [
        (
            f"{resource_type.name} {attribute.path}",
            attribute.type,
            _yes(attribute.multi_valued),
            _yes(attribute.required),
            _yes(attribute.traits.case_exact),
            attribute.traits.mutability,
            attribute.traits.returned,
            attribute.traits.uniqueness,
            _yes(attribute.traits.lookup),
        )
        for resource_type in custom_schemas.read(folder)
        for attribute in resource_type.tree.walk()
    ]


def _yes(claim: bool) -> str:
    return "yes" if claim else "-"


@click.command()
@taking("data")
def schema(settings: Settings) -> None:
    """List every attribute with its characteristics."""
    show(SCHEMA_COLUMNS, schema_rows(settings.schemas))


@click.command()
@taking()
def config(settings: Settings) -> None:
    """List every setting and the origin of its value."""
    show(("setting", "value", "origin"), settings.rows())


@click.command()
@data_unused
def version() -> None:
    """Print the versions of Recnice SCIM, Python and SQLite."""
    from app.store.database.sqlite_driver import sqlite_version

    click.echo(f"recnice-scim {VERSION} (Python {platform.python_version()}, SQLite {sqlite_version()})")
