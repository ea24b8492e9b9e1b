"""`admin`: the operators of this appliance, who are never among the provisioned users."""

import sys
from collections.abc import Callable
from typing import Any

import click

from app import bounds
from app.commands.opened import opened
from app.commands.options import in_utf8, taking
from app.commands.table import show
from app.settings import Settings


@click.group(no_args_is_help=False)
def admin() -> None:
    """Operators: the people who sign in to the console."""


def _named(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for whom, and how the password comes in: never as an argument, which others could see."""
    command = click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")(
        command
    )
    return click.option(
        "--user-name", metavar="N", required=True, callback=in_utf8, help="The operator's sign-in name."
    )(command)


def _password(from_stdin: bool) -> str:
    """The password, from standard input or asked for twice on a terminal."""
    if from_stdin:
        line = sys.stdin.readline(bounds.PASSWORD_LINE_LENGTH).removesuffix("\n").removesuffix("\r")
        if not line:
            raise click.UsageError("--password-stdin: expected a password in the first line of standard input")
        return line
    if not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask for a password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


@admin.command()
@_named
@taking("data")
def create(settings: Settings, user_name: str, password_stdin: bool) -> None:
    """Make an operator."""
    password = _password(password_stdin)
    with opened(settings, may_create=True):
        from app import administration

        administration.create_operator(user_name, password)


@admin.command("reset-password")
@_named
@taking("data")
def reset_password(settings: Settings, user_name: str, password_stdin: bool) -> None:
    """Give an operator a new password and end all of the operator's sessions."""
    password = _password(password_stdin)
    with opened(settings):
        from app import administration

        administration.reset_password(user_name, password)


@admin.command("list")
@taking("data")
def list_operators(settings: Settings) -> None:
    """Show all operators."""
    with opened(settings):
        from app import administration

        show(
            ("user name", "created", "state"),
            [
                (operator.user_name, operator.created, "disabled" if operator.disabled else "active")
                for operator in administration.list_operators()
            ],
        )
