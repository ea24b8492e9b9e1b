"""This module has the group of commands: whole summaries in its help, and former names until version 0.3."""

import click

COMPLETION = "_RECNICE_SCIM_COMPLETE"
"""The variable by which the script of a shell asks the program for the words that may follow."""
RENAMED = {
    "sources": "allowlist",
    "stop": "revoke",
    "stop-secret": "revoke-secret",
    "add-trust": "add-federated-credential",
    "stop-trust": "revoke-federated-credential",
}
"""The former and the current names of commands. The help does not have the former ones."""


class CommandGroup(click.Group):
    """A group that accepts the former name of each of its commands."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this current or former name."""
        return super().get_command(ctx, RENAMED.get(cmd_name, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its summary, which click would cut at the width of a line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(command)) for name, command in sorted(self.commands.items())])


def summary(command: click.Command) -> str:
    """Return the first line of the help of a command."""
    return (command.help or "").partition("\n")[0]
