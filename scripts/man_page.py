"""Write the man page recnice-scim(1) from what the command line declares, beside the executable: `make build`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


def roff(text: str) -> str:
    """Return text as roff prints it: backslashes, hyphens and a first dot or quote are no requests."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped[:1] in {".", "'"} else escaped


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield roff(" ".join(paragraph.split()))


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    """Yield a section for each command that is not hidden, with its options."""
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        words = before + name
        context = click.Context(command, info_name=f"recnice-scim {words}")
        yield f'.SS "{roff(" ".join([words, *command.collect_usage_pieces(context)]))}"'
        yield from paragraphs(command.help or "")
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} ")
            continue
        for parameter in command.params:
            if record := parameter.get_help_record(context):
                yield ".TP"
                yield f"\\fB{roff(record[0])}\\fR"
                yield roff(" ".join(record[1].split()))


def page() -> str:
    """Return the man page."""
    from app.cli import commands as root
    from app.version import VERSION
    from scripts.document_tables import constants

    lines = [f'.TH RECNICE\\-SCIM 1 "" "Recnice SCIM {VERSION}"', ".SH NAME"]
    lines.append("recnice\\-scim \\- receive users and groups from Microsoft Entra ID by SCIM 2.0")
    lines += [".SH SYNOPSIS", ".B recnice\\-scim", "[\\fICOMMAND\\fR] [\\fIOPTION\\fR ...]"]
    lines += [".SH DESCRIPTION", *paragraphs(root.help or "")]
    lines += [
        ".PP",
        "Without a command, \\fBserve\\fR runs. \\fB\\-h\\fR and \\fB\\-\\-help\\fR show the help of each.",
    ]
    lines += [".SH COMMANDS", *commands(root), ".SH EXIT STATUS"]
    for _, value, meaning in constants("exit_codes.py"):
        lines += [".TP", f"\\fB{value}\\fR", roff(meaning.replace("`", ""))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
