"""This module supports the former names of commands, hidden in the help, until version 0.3."""

import click

RENAMED = {
    "sources": "allowlist",
    "stop": "revoke",
    "stop-secret": "revoke-secret",
    "add-trust": "add-federated-credential",
    "stop-trust": "revoke-federated-credential",
}
"""The former and the current names of commands."""


class AliasedGroup(click.Group):
    """A group that accepts the former name of each of its commands."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this current or former name."""
        return super().get_command(ctx, RENAMED.get(cmd_name, cmd_name))
