"""This module implements `completion`, which prints the script that completes commands in a shell."""

import os
from typing import Any

import click
from click import shell_completion

from app.commands.shared.command_group import COMPLETION
from app.commands.shared.options import data_unused


class PowerShell(shell_completion.ShellComplete):
    """Completion in PowerShell, which click does not have. It works in Windows PowerShell 5.1 and newer."""

    name = "powershell"
    source_template = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $line, $cursor)
    $words = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" })
    $env:COMP_WORDS = $words -join "`n"
    $env:COMP_WORD = "$word"
    $env:%(complete_var)s = "powershell_complete"
    try {
        & $line.CommandElements[0].Value | Where-Object { $_ } | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, "ParameterValue", $_)
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_WORD, Env:%(complete_var)s -ErrorAction SilentlyContinue
    }
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one under the cursor, and that word."""
        return os.environ.get("COMP_WORDS", "").split("\n")[1:], os.environ.get("COMP_WORD", "")

    def format_completion(self, item: shell_completion.CompletionItem[Any]) -> str:
        """Return a word that may follow; PowerShell completes file names where there is none."""
        return item.value if item.type == "plain" else ""


SHELLS = ("bash", "zsh", "fish", PowerShell.name)


@click.command()
@data_unused
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in bash, zsh, fish or powershell."""
    add_shells()
    root = context.find_root()
    complete = shell_completion.get_completion_class(shell)
    assert complete is not None
    click.echo(complete(root.command, {}, str(root.info_name), COMPLETION).source())


def add_shells() -> None:
    """Let click complete in PowerShell, too."""
    shell_completion.add_completion_class(PowerShell)
