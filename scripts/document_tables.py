"""Write the tables and examples of documents from what the program declares, so that they are never written twice.

`make tables` runs it; `tests/test_docs.py` fails when a document does not have what this would write.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.scim.attribute import Attribute

ROOT = Path(__file__).resolve().parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SECURITY = ROOT / "docs/security.md"
REFERENCE = ROOT / "docs/reference"

LIMITS = {
    "Requests": {
        "BODY_BYTES": "bytes in a request body",
        "HEADER_BYTES": "bytes in the request line and all header fields",
        "JSON_DEPTH": "levels of nesting in a JSON body",
        "FILTER_LENGTH": "characters in a filter",
        "FILTER_DEPTH": "levels of parentheses in a filter",
        "PATCH_OPERATIONS": "operations in a PATCH",
        "BULK_OPERATIONS": "operations in a bulk request",
        "REQUEST_ARRIVAL_S": "seconds for a request to arrive",
    },
    "Resources": {
        "USER_NAME_LENGTH": "characters in `userName`",
        "TEXT_LENGTH": "characters in any other string",
        "FORMATTED_ADDRESS_LENGTH": "characters in `addresses.formatted`",
        "REFERENCE_LENGTH": "characters in a reference, such as `profileUrl`",
        "BINARY_LENGTH": "characters in a binary value, such as a certificate",
        "VALUES_PER_ATTRIBUTE": "values of one multi-valued attribute",
        "MEMBERS_PER_REQUEST": "members in one request; a group itself has no limit",
        "DOCUMENT_BYTES": "bytes in a stored resource",
    },
    "Lists": {
        "PAGE_SIZE": "resources on a page when `count` is absent",
        "PAGE_SIZE_MAXIMUM": "resources on a page",
        "CURSOR_S": "seconds for which a cursor is valid",
    },
    "Access": {
        "ACTIVE_SCIM_KEYS": "SCIM Keys that replace each other at the same time",
        "OAUTH_CLIENTS": "active OAuth clients",
        "OAUTH_SECRETS": "active secrets of an OAuth client",
        "ACCESS_TOKEN_S": "seconds for which an access token is valid",
        "ADDRESS_FAILURES": "requests without a valid key or token from one IP address in the time below",
        "ADDRESS_FAILURE_WINDOW_S": "seconds in which those requests are counted",
    },
}
"""The limits that a client meets, by their names in app/bounds.py, with what is counted."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Return a text as Markdown code."""
    return f"`{text}`"


def options() -> str:
    """Return a row for each option."""
    from app.settings import OPTIONS

    rows = (
        (code(f"{one.flag} {one.metavar}".strip()), code(one.environment), code(one.default_text or "none"), one.help)
        for one in OPTIONS
    )
    return table(("Flag", "Environment", "Default", "Meaning"), rows)


def commands() -> str:
    """Return a row for each command that is not a hidden alias."""
    from app.cli import commands as group

    return table(("Command", "What it does"), _commands(group, ""))


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, str]]:
    """Yield each command with what it requires, and the first line of its help."""
    from app.commands.shared.command_group import summary

    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        if not isinstance(command, click.Group) or command.invoke_without_command:
            words = [before + name, *(_as_typed(parameter) for parameter in command.params if parameter.required)]
            yield code(" ".join(words)), summary(command)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


def json_keys() -> str:
    """Return a row for each command that has `--json`, with the keys of what it prints."""
    from app.cli import commands as group
    from app.commands.shared.table import JsonOption

    def rows(group: click.Group, before: str) -> Iterator[tuple[str, str, str]]:
        for name, command in sorted(group.commands.items()):
            if isinstance(command, click.Group):
                yield from rows(command, f"{before}{name} ")
            for option in command.params:
                if isinstance(option, JsonOption):
                    form = "array of objects" if option.is_array else "object"
                    yield code(before + name), form, ", ".join(map(code, option.keys))

    return table(("Command", "JSON", "Keys"), rows(group, ""))


def _as_typed(parameter: click.Parameter) -> str:
    option = f"{parameter.opts[0]} " if isinstance(parameter, click.Option) else ""
    return f"{option}{parameter.metavar}"


def exit_codes() -> str:
    """Return a row for each exit code, with the comment behind its declaration."""
    return table(("Exit code", "Meaning"), ((str(value), comment) for _, value, comment in constants("exit_codes.py")))


def constants(file: str) -> Iterator[tuple[str, int, str]]:
    """Yield each number that a file of app/ declares in a line of its own: name, value, comment."""
    for line in (ROOT / "app" / file).read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"([A-Z_]+) = (\d+)  # (.+)", line):
            yield found[1], int(found[2]), found[3]


def metrics() -> str:
    """Return every metric."""
    from app.metrics.metric_list import METRICS

    rows = [
        (
            f"`{one.name}{'_total' if one.form == 'counter' else ''}`",
            one.form,
            ", ".join(f"`{label}`" for label in one.labels),
            one.help,
        )
        for one in METRICS
    ]
    return table(("Metric", "Type", "Labels", "What it is"), rows)


def log_events() -> str:
    """Return a row for each message that the program logs; … stands for what differs from time to time."""
    rows: set[tuple[str, str, str]] = set()
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        logger = next((node.args[0].value for node in _calls(tree, "getLogger") if _is_text(node)), module)
        for level in ("critical", "error", "exception", "warning", "info"):
            for node in _calls(tree, level):
                if _is_text(node):
                    words = re.sub(r"%[sd]", "…", node.args[0].value)
                    rows.add(("error" if level == "exception" else level, logger, words))
    cells = ((level, code(logger), code(words)) for level, logger, words in sorted(rows))
    return table(("Level", "Logger", "Message"), cells)


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
            yield node


def _is_text(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)


def unit() -> str:
    """Return the unit that `service install` writes without options."""
    from app.service import unit_file
    from app.settings import Settings

    return f"```ini\n{unit_file.unit(Settings(unit_file.DATA))}```"


def limits() -> str:
    """Return a row for each limit that a client meets."""
    from app import bounds

    rows = []
    for subject, names in LIMITS.items():
        rows += [(subject, f"{getattr(bounds, name):,}".removesuffix(".0"), meaning) for name, meaning in names.items()]
    return table(("Of", "At most", "What"), rows)


def examples() -> str:
    """Return one request and its answer for each operation, from a server in this process."""
    from scripts import api_examples

    return api_examples.examples()


def attributes() -> str:
    """Return a row for each attribute with its sub-attributes; `recnice-scim schema` has all their characteristics."""
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


def findings() -> str:
    """Return a row for each finding of `doctor`; capitals stand for what differs from time to time."""
    from app.connection_test import probes
    from app.doctor import checks

    declared = {**checks.ADVICE, **probes.ADVICE}
    rows = (
        (code(name), level, re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), fix))
        for name, (level, fix) in declared.items()
    )
    return table(("Finding", "Level", "What to do"), rows)


def roles() -> str:
    """Return a row for each permission, with the roles that have it."""
    from app.administration.permissions import table as permissions
    from app.console_roles import Role

    rows = []
    for permission, those in permissions().items():
        terms = permission.value
        marks = ["yes" if terms.least is None or role in those else "" for role in Role]
        conditions = (
            "confirms the identity" if terms.wants_proof else "",
            "administrators only" if terms.is_local else "",
        )
        rows.append((terms.title, *marks, ", ".join(filter(None, conditions))))
    return table(("What", *(role.value for role in Role), "On these terms"), rows)


def layers() -> str:
    """Return a row for each package and module that has a place among the layers, from the top."""
    from tests.test_layers import LAYERS, modules

    paths = modules()
    rows = []
    for name in LAYERS.split():
        docstring = ast.get_docstring(ast.parse(paths[name].read_text(encoding="utf-8"))) or ""
        words = " ".join(docstring.partition("\n\n")[0].split())
        rows.append((code(name), re.sub(r"^This (module|package) (\w)", lambda found: found[2].upper(), words)))
    return table(("Layer, from the top", "What it does"), rows)


TABLES: dict[Path, tuple[Callable[[], str], ...]] = {
    CONTRIBUTING: (layers,),
    SECURITY: (roles,),
    REFERENCE / "configuration.md": (options,),
    REFERENCE / "commands.md": (commands, json_keys),
    REFERENCE / "attributes.md": (attributes,),
    REFERENCE / "exit-codes.md": (exit_codes,),
    REFERENCE / "log-events.md": (log_events,),
    REFERENCE / "scim-api.md": (limits, examples),
    ROOT / "docs/operate/metrics.md": (metrics,),
    ROOT / "docs/operate/doctor.md": (findings,),
    ROOT / "docs/operate/systemd.md": (unit,),
}
"""For each document what makes its tables, each named as the marks around its table are."""


def with_tables(path: Path) -> str:
    """Return a document with each table between its marks written again.

    Raises:
        ValueError: when a mark is missing.
    """
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
