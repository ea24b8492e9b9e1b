"""Write the tables of documents from what the program declares, so that they are never written twice.

`make tables` runs it; `tests/test_docs.py` fails when a table is not what this would write.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.scim.attribute import Attribute

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SECURITY = ROOT / "docs/security.md"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def options() -> str:
    from app.settings import OPTIONS

    rows = (
        (code(f"{one.flag} {one.metavar}".strip()), code(one.environment), code(one.default_text or "none"), one.help)
        for one in OPTIONS
    )
    return table(("Flag", "Environment", "Default", "Meaning"), rows)


def code(text: str) -> str:
    return f"`{text}`"


def commands() -> str:
    from app.cli import commands as group

    return table(("Command", "What it does"), _commands(group, ""))


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, str]]:
    """Each command with what it must be given, and the first line of its help."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        else:
            words = [before + name, *(_as_typed(parameter) for parameter in command.params if parameter.required)]
            yield code(" ".join(words)), (command.help or "").partition("\n")[0]


def _as_typed(parameter: click.Parameter) -> str:
    option = f"{parameter.opts[0]} " if isinstance(parameter, click.Option) else ""
    return f"{option}{parameter.metavar}"


def attributes() -> str:
    """A line for each attribute; its parts stand in the line, all their characteristics in `recnice-scim schema`."""
    from app.scim.resource_types import RESOURCE_TYPES

    rows = []
    for resource_type in RESOURCE_TYPES:
        rows += [_attribute(resource_type.name, one) for one in resource_type.tree.core.values()]
        for extension in resource_type.tree.extensions.values():
            rows += [_attribute(f"{resource_type.name}, enterprise", one) for one in extension.sub_attributes.values()]
    return table(("Of", "Attribute", "Type", "Rules", "Meaning"), rows)


def _attribute(of: str, attribute: "Attribute") -> tuple[str, ...]:
    traits = attribute.traits
    rules = {
        "required": attribute.required,
        "unique": traits.uniqueness != "none",
        traits.mutability: traits.mutability != "readWrite",
        "indexed": any(part.traits.lookup for part in attribute.walk()),
    }
    parts = ", ".join(code(part.name) for part in attribute.sub_attributes.values())
    return (
        of,
        code(attribute.name),
        attribute.type + (" list" if attribute.multi_valued else ""),
        ", ".join(rule for rule, holds in rules.items() if holds),
        traits.description + (f": {parts}" if parts else ""),
    )


def roles() -> str:
    from app.administration.permissions import table as permissions
    from app.console_roles import Role

    rows = []
    for permission, those in permissions().items():
        terms = permission.value
        marks = ["yes" if terms.least is None or role in those else "" for role in Role]
        conditions = ("asks again who one is" if terms.wants_proof else "", "operators alone" if terms.is_local else "")
        rows.append((terms.title, *marks, ", ".join(filter(None, conditions))))
    return table(("What", *(role.value for role in Role), "On these terms"), rows)


def layers() -> str:
    """A line for each package and module that has a place among the layers, from the top."""
    from tests.test_layers import LAYERS, modules

    paths = modules()
    rows = []
    for name in LAYERS.split():
        docstring = ast.get_docstring(ast.parse(paths[name].read_text(encoding="utf-8"))) or ""
        words = " ".join(docstring.partition("\n\n")[0].split())
        rows.append((code(name), re.sub(r"^This (module|package) (\w)", lambda found: found[2].upper(), words)))
    return table(("Layer, from the top", "What it does"), rows)


TABLES = {README: (options, commands, attributes), CONTRIBUTING: (layers,), SECURITY: (roles,)}
"""For each document what makes its tables, each named as the marks around its table are."""


def with_tables(path: Path) -> str:
    """A document with each table between its marks written anew. Raises ValueError when a mark is missing."""
    text = path.read_text(encoding="utf-8")
    for make in TABLES[path]:
        name = make.__name__
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not marks.search(text):
            raise ValueError(f"{path.name} has no marks for the table of {name}")
        made = make()
        text = marks.sub(lambda found, made=made: f"{found[1]}{made}\n{found[2]}", text)
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for path in TABLES:
        path.write_text(with_tables(path), encoding="utf-8")
