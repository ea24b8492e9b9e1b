"""This module implements `admin`, which manages the administrators of the console."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from app import bounds, data_folder
from app.commands.shared.data_folder import opened
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import show
from app.console_roles import Role
from app.settings import Settings

if TYPE_CHECKING:
    from app.administration.accounts.administrators import Operator

ROLES = tuple(role.value for role in Role)


@click.group(no_args_is_help=False)
def admin() -> None:
    """Manage administrators, who sign in to the console with a password."""


def _whom(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--user-name", metavar="N", required=True, callback=in_utf8, help="The user name.")(command)


def _named(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the user name and the password. An argument with the password would be visible to others."""
    command = click.option(
        "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
    )(command)
    return _whom(command)


def _password(from_stdin: bool) -> str:
    """Return the password, from standard input or from two prompts on a terminal."""
    if from_stdin:
        line = sys.stdin.readline(bounds.PASSWORD_LINE_LENGTH).removesuffix("\n").removesuffix("\r")
        if not line:
            raise click.UsageError("--password-stdin: expected a password in the first line of standard input")
        return line
    if not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask for a password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _still_in_the_way(operator: Operator) -> Iterator[str]:
    """Yield the reasons why the administrator cannot sign in with the new password alone."""
    if operator.has_second_factor:
        yield "2FA is still on; --remove-second-factor turns it off."
    if operator.disabled:
        yield "The administrator is still disabled; admin enable enables it."


def _role(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--role", type=click.Choice(ROLES), default=ROLES[-1], show_default=True, help="The role of the administrator."
    )(command)


@admin.command()
@_role
@_named
@taking("data")
def create(settings: Settings, user_name: str, password_stdin: bool, role: str) -> None:
    """Create an administrator."""
    password = _password(password_stdin)
    with opened(settings):
        from app import console_roles
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.create_operator(user_name, password, audit.HOST, console_roles.Role(role))
    data_folder.remove_setup_links(settings.data)


@admin.command("reset-password")
@click.option("--remove-second-factor", is_flag=True, help="Also turn off 2FA.")
@_named
@taking("data")
def reset_password(settings: Settings, user_name: str, password_stdin: bool, remove_second_factor: bool) -> None:
    """Reset the password of an administrator and end all their sessions."""
    password = _password(password_stdin)
    with opened(settings):
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.reset_password(user_name, password, audit.HOST, remove_second_factor)
        operator = administrators.find_operator(user_name)
        for sentence in _still_in_the_way(operator):
            click.echo(sentence, err=True)


@admin.command("set-role")
@click.option("--role", metavar="R", type=click.Choice(ROLES), required=True, help="The role of the administrator.")
@_whom
@taking("data")
def set_role(settings: Settings, user_name: str, role: str) -> None:
    """Change the role of an administrator and end all their sessions."""
    with opened(settings):
        from app import console_roles
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.set_role(user_name, console_roles.Role(role), audit.HOST)


@admin.command()
@_whom
@taking("data")
def disable(settings: Settings, user_name: str) -> None:
    """Disable an administrator and end all their sessions."""
    with opened(settings):
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.set_disabled(user_name, True, audit.HOST)


@admin.command()
@_whom
@taking("data")
def enable(settings: Settings, user_name: str) -> None:
    """Enable a disabled administrator."""
    with opened(settings):
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.set_disabled(user_name, False, audit.HOST)


@admin.command()
@_whom
@taking("data")
def delete(settings: Settings, user_name: str) -> None:
    """Delete an administrator. The audit keeps their entries."""
    with opened(settings):
        from app.administration import audit
        from app.administration.accounts import administrators

        administrators.delete_operator(user_name, audit.HOST)


@admin.command("list")
@taking("data")
def list_operators(settings: Settings) -> None:
    """List all administrators."""
    with opened(settings):
        from app.administration.accounts import administrators

        show(
            ("user name", "role", "created", "state", "2FA", "last signed in"),
            [
                (
                    operator.user_name,
                    operator.role,
                    operator.created,
                    "disabled" if operator.disabled else "active",
                    "on" if operator.has_second_factor else "off",
                    operator.signed_in or "never",
                )
                for operator in administrators.list_operators()
            ],
        )
