"""The floors of the house: an import goes down or sideways, never up, and never in a circle. Reads, runs nothing.

README.md draws the same table for people. A new room needs a row here first.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


STANDARD = sys.stdlib_module_names | {"_typeshed"}  # the latter exists for type checkers only


@dataclass(frozen=True)
class Room:
    """One row of the table: the foreign packages it may use, and the lower rooms it may `never` enter all the same."""

    name: str
    floor: int
    packages: frozenset[str] = frozenset()
    never: tuple[str, ...] = ()


def room(name: str, floor: int, packages: str = "", never: tuple[str, ...] = ()) -> Room:
    return Room(name, floor, frozenset(packages.split()), never)


OUTSIDE = ("app.settings", "app.folder", "app.logs", "app.process", "app.bundle")  # what only the program itself asks

WEB_PACKAGES = "flask flask_wtf wtforms werkzeug markupsafe itsdangerous markdown_it segno"

ROOMS = (
    room("recnice_scim", 7),
    room("app.cli", 6, "click rich"),
    room("app.commands", 6, "click rich"),
    room("app", 5, "flask"),
    room("app.server", 5, "waitress"),
    room("app.connection", 5, "waitress"),
    room("app.request_head", 5),
    room("app.web", 4, WEB_PACKAGES, never=("app.store",)),
    room("app.provisioning", 3, never=OUTSIDE),
    room("app.membership_values", 3, never=OUTSIDE),
    room("app.bulk", 3, never=OUTSIDE),
    room("app.local_removal", 3, never=OUTSIDE),
    room("app.administration", 3, "argon2 cryptography pyotp", never=OUTSIDE),
    room("app.observation", 3, never=OUTSIDE),
    room("app.store", 2, "sqlalchemy flask_sqlalchemy alembic pysqlite3"),
    room("app.scim", 1, "marshmallow", never=OUTSIDE),
    room("app.openid", 1, "authlib joserfc requests cryptography", never=(*OUTSIDE, "app.scim", "app.simulation")),
    room("app.simulation", 1, never=("app.settings", "app.folder", "app.logs", "app.process", "app.scim")),
    room("app.settings", 1),
    room("app.folder", 1),
    room("app.logs", 1),
    room("app.process", 1),
    room("app.bundle", 1),
    room("app.bounds", 0),
    room("app.clock", 0),
    room("app.roles", 0),
    room("app.exits", 0),
    room("app.version", 0),
)


def room_of(module: str) -> Room | None:
    """The room that a module stands in: the longest name that fits; `app.cli_keys` stands in `app.cli`."""
    fitting = [
        one
        for one in ROOMS
        if module == one.name or (one.name != "app" and module.startswith((one.name + ".", one.name + "_")))
    ]
    return max(fitting, key=lambda one: len(one.name), default=None)


def modules() -> dict[str, Path]:
    """Every module of the house by its name; a package is named by its folder."""
    paths = [ROOT / "recnice_scim.py", *sorted((ROOT / "app").rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(source: str, module: str, is_package: bool, known: set[str]) -> Iterator[str]:
    """The full names that a source imports anywhere in it; `from app import bounds` is an import of app.bounds."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (full if (full := f"{base}.{name.name}") in known else base for name in node.names)


def read_imports() -> dict[str, set[str]]:
    found = modules()
    return {
        module: set(imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py", set(found)))
        for module, path in found.items()
    }


def fault(module: str, target: str) -> bool:
    """Whether `module` may not import `target`."""
    here, there = room_of(module), room_of(target)
    assert here is not None
    if there is not None:
        return there.floor > here.floor or there.name in here.never
    package = target.partition(".")[0]
    return package not in STANDARD and package not in here.packages


def faults(imports: Mapping[str, set[str]]) -> list[str]:
    """One line for each import that goes where it may not."""
    lines = [f"{module} stands on no floor: give it a row in ROOMS" for module in imports if room_of(module) is None]
    for module, targets in imports.items():
        if room_of(module) is not None:
            place = module.replace(".", "/")
            lines += [f"{place}.py may not import {target}" for target in sorted(targets) if fault(module, target)]
    return lines


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """One circle of modules that import each other, or nothing."""
    done: set[str] = set()

    def follow(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for target in sorted(imports[module] & imports.keys()):
            if found := follow(target, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in imports if (found := follow(module, []))), [])


def test_every_import_goes_down_or_sideways():
    assert not (lines := faults(read_imports())), "\n".join(lines)


def test_no_imports_go_in_a_circle():
    assert not (found := circle(read_imports())), " -> ".join(found)


def test_an_import_that_goes_up_is_seen():
    wrong = {
        "app.web.users": {"app.store", "app.provisioning", "flask", "json"},
        "app.store.query": {"app.provisioning", "flask"},
        "app.scim.patch": {"app.settings", "app.bounds"},
        "app.rumpus": {"json"},
    }
    assert faults(wrong) == [
        "app.rumpus stands on no floor: give it a row in ROOMS",
        "app/web/users.py may not import app.store",
        "app/store/query.py may not import app.provisioning",
        "app/store/query.py may not import flask",
        "app/scim/patch.py may not import app.settings",
    ]


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_imports_are_read_wherever_they_stand():
    source = "from app import bounds\ndef f():\n    from .store import db\n    import flask\nfrom . import errors\n"
    known = {"app.bounds", "app.scim.errors", "app.scim.store"}
    assert set(imported(source, "app.scim.patch", False, known)) == {
        "app.bounds",
        "app.scim.store",
        "flask",
        "app.scim.errors",
    }
    assert set(imported("from . import patch", "app.scim", True, {"app.scim.patch"})) == {"app.scim.patch"}
