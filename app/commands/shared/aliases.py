"""This module keeps the names that commands had before working, hidden, until 0.3."""

import click

RENAMED = {
    "sources": "allowlist",
    "stop": "revoke",
    "stop-secret": "revoke-secret",
    "add-trust": "add-federated-credential",
    "stop-trust": "revoke-federated-credential",
}
"""Names of commands, before and now."""


class AliasedGroup(click.Group):
    """A group that accepts the former name of each of its commands."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name, or with the name that this one has now."""
        return super().get_command(ctx, RENAMED.get(cmd_name, cmd_name))
