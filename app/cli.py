"""This module assembles the command line and turns every failure into one line and an exit status."""

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

import click

from app import exit_codes, log_events, settings
from app.commands.shared.command_group import COMPLETION, CommandGroup

PROGRAM = "recnice-scim"
DEBUG = "RECNICE_DEBUG"


class Commands(CommandGroup):
    """A group whose default command is `serve`, also where only options of `serve` are given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["--version"]:
            args = ["version"]
        elif not ctx.resilient_parsing and (not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the default data folder, which administrators look for in the help."""
        data = settings.OPTIONS[0]
        folder = data.parse(os.environ.get(data.environment) or data.default)
        formatter.write_paragraph()
        formatter.write_text(f"Data folder: {folder} ({data.flag} or {data.environment} names another).")
        formatter.write_text("Without a command: serve.")


MODULES = {
    **{
        name: name.replace("-", "_")
        for name in (
            "serve",
            "setup-link",
            "key",
            "oauth",
            "admin",
            "user",
            "check",
            "simulate",
            "restore",
            "alerts",
            "backup",
            "support-bundle",
            "service",
            "status",
            "upgrade-check",
            "doctor",
            "completion",
        )
    },
    **{"allowlist": "ip_allow_list", "licenses": "licenses"},
    **dict.fromkeys(("schema", "config", "version"), "schema_config_version"),
}
"""The module of each command, in app/commands."""


class ImportedCommands(Mapping[str, click.Command]):
    """The commands by name. Each is imported when it is used, so that `serve` starts without the others."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"app.commands.{MODULES[name]}"), name.replace("-", "_"))
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Recnice SCIM: receive users and groups from Microsoft Entra ID by SCIM 2.0."""


commands.commands = ImportedCommands()  # type: ignore[assignment]  # click changes it only to add a command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A traceback is printed only with `RECNICE_DEBUG=1`."""
    if COMPLETION in os.environ:
        from app.commands import completion

        completion.add_shells()
    try:
        result = commands.main(args=arguments, prog_name=PROGRAM, complete_var=COMPLETION, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else exit_codes.DONE
    except (KeyboardInterrupt, click.Abort):
        return fail("stopped", exit_codes.FAILED)
    except BrokenPipeError:
        # The reader of the output closed it (`| head`); without this, Python prints another error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.DONE
    except Exception as error:
        if os.environ.get(DEBUG) == "1":
            traceback.print_exc()
        return fail(*describe(error))


def describe(error: Exception) -> tuple[str, int]:
    """Return the message for the administrator and the exit code of a failure."""
    match error:
        case click.ClickException():
            return error.format_message(), error.exit_code
        case exit_codes.CommandError():
            return str(error), error.code
        case OSError() if exit_codes.of_system_error(error) == exit_codes.TRY_AGAIN:
            return "the disk is full", exit_codes.TRY_AGAIN
        case MemoryError() | RuntimeError(args=("can't start new thread",)):
            return "memory is short, or no more threads may start (ulimit -v, ulimit -u)", exit_codes.TRY_AGAIN
    # Imported only for a failure, since a command that needs few layers starts faster.
    from app.administration.errors import Refused
    from app.scim.errors import ScimError
    from app.scim.schema_file import SchemaFileError

    match error:
        case Refused():
            return str(error), exit_codes.FAILED
        case SchemaFileError():
            return str(error), exit_codes.CONFIGURATION
        case ScimError():
            return str(error), exit_codes.TRY_AGAIN
    return f"unexpected {type(error).__name__} ({DEBUG}=1 shows where)", exit_codes.FAILED


def fail(message: str, code: int) -> int:
    """Write the message as one line on standard error, and return the code."""
    print(f"{PROGRAM}: {log_events.redact(' '.join(message.split()))}", file=sys.stderr)
    return code
