"""This module implements `admin`, which manages the administrators of the console."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from app import bounds, data_folder
from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import on_data_folder, open_data_folder
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import Row, listing, or_never
from app.console_roles import Role
from app.settings import Settings

if TYPE_CHECKING:
    from app.administration.audit import Actor

ROLES = tuple(role.value for role in Role)


@click.group(cls=CommandGroup, no_args_is_help=False)
def admin() -> None:
    """Manage administrators, who sign in to the console with a password."""


def _password(_context: click.Context, _parameter: click.Parameter, from_stdin: bool) -> str:
    """Return the password, from standard input or from two prompts on a terminal (a click callback).

    There is no option for the password itself, since other users of the host can read arguments.
    """
    if from_stdin:
        line = sys.stdin.readline(bounds.PASSWORD_LINE_LENGTH).removesuffix("\n").removesuffix("\r")
        if not line:
            raise click.UsageError("--password-stdin: expected a password in the first line of standard input")
        return line
    if not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask for a password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


_user_name = click.option("--user-name", metavar="N", required=True, callback=in_utf8, help="The user name.")
_with_password = click.option(
    "--password-stdin",
    "password",
    is_flag=True,
    callback=_password,
    help="Read the password from the first line of standard input.",
)


@admin.command()
@click.option(
    "--role", type=click.Choice(ROLES), default=ROLES[-1], show_default=True, help="The role of the administrator."
)
@_user_name
@_with_password
@taking("data")
def create(settings: Settings, user_name: str, password: str, role: str) -> None:
    """Create an administrator."""
    with open_data_folder(settings):
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.create_operator(user_name, password, audit.HOST, Role(role))
    data_folder.remove_setup_links(settings.data)


@admin.command("reset-password")
@click.option("--remove-second-factor", is_flag=True, help="Also turn off 2FA.")
@_user_name
@_with_password
@on_data_folder
def reset_password(host: Actor, user_name: str, password: str, remove_second_factor: bool) -> None:
    """Reset the password of an administrator and end all their sessions."""
    from app.administration.accounts import administrators

    administrators.reset_password(user_name, password, host, remove_second_factor)
    operator = administrators.find_operator(user_name)
    if operator.has_second_factor:
        click.echo("2FA is still on; --remove-second-factor turns it off.", err=True)
    if operator.disabled:
        click.echo("The administrator is still disabled; admin enable enables it.", err=True)


@admin.command("set-role")
@click.option("--role", metavar="R", type=click.Choice(ROLES), required=True, help="The role of the administrator.")
@_user_name
@on_data_folder
def set_role(host: Actor, user_name: str, role: str) -> None:
    """Change the role of an administrator and end all their sessions."""
    from app.administration.accounts import administrators

    administrators.set_role(user_name, Role(role), host)


@admin.command()
@_user_name
@on_data_folder
def disable(host: Actor, user_name: str) -> None:
    """Disable an administrator and end all their sessions."""
    from app.administration.accounts import administrators

    administrators.set_disabled(user_name, True, host)


@admin.command()
@_user_name
@on_data_folder
def enable(host: Actor, user_name: str) -> None:
    """Enable a disabled administrator."""
    from app.administration.accounts import administrators

    administrators.set_disabled(user_name, False, host)


@admin.command()
@_user_name
@on_data_folder
def delete(host: Actor, user_name: str) -> None:
    """Delete an administrator. The audit keeps their entries."""
    from app.administration.accounts import administrators

    administrators.delete_operator(user_name, host)


@admin.command("list")
@listing("user_name", "role", "created", "state", "second_factor", "last_signed_in")
@taking("data")
def list_operators(settings: Settings) -> Iterator[Row]:
    """List all administrators."""
    with open_data_folder(settings):
        from app.administration.accounts import administrators

        for operator in administrators.list_operators():
            yield (
                *(operator.user_name, operator.role, operator.created),
                "disabled" if operator.disabled else "active",
                "on" if operator.has_second_factor else "off",
                or_never(operator.signed_in),
            )
