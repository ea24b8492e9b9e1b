"""The layers of the program: an import goes to a lower line of LAYERS or stays on its own, and never in a circle.

Reads the sources, runs nothing. README.md shows the same layers to people. A new package needs a name here first.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

STANDARD = sys.stdlib_module_names | {"_typeshed"}  # the latter exists for type checkers only

LAYERS = """
recnice_scim
app.cli
app.commands
app.commands.shared
app
app.http_server

app.web.hot_routes app.web.connection_echo
app.web.error_responses
app.web.console
app.web.console.directory app.web.console.system
app.web.console.monitoring
app.web.console.access
app.web.console.shared
app.web.oauth app.web.scim
app.web.security
app.web.public_url
app.web.request_log
app.web

app.metrics app.service app.support app.doctor
app.jobs
app.restoration
app.provisioning
app.administration.alerts
app.administration.single_sign_on
app.administration.accounts
app.administration.credentials app.administration.ip_allow_list app.administration.roles
app.administration
app.observation.request_recorder
app.observation.request_list
app.observation.directory
app.observation.problems
app.observation
app.observation.attributes app.observation.cycles
app.observation.problem_kinds app.observation.redaction

app.backup
app.store.integrity_check app.store.erasure
app.store.restoration
app.store.access
app.store.directory app.store.request_log
app.store app.store.database

app.request_record

app.connection_test
app.delivery app.openid app.scim app.simulation app.data_folder app.file_swap app.log_events app.process app.settings
app.current_application app.file_systems
app.bounds app.bundled_files app.clock app.console_roles app.exit_codes app.ip_addresses app.option_values app.schedules
app.quantities app.random_values app.thread_priority app.throttle
app.version
"""
"""From the top: the packages and modules of one line may import each other and what is below.

A name stands for everything in it that has no longer name here.
"""

COMMAND_LINE = "click rich"
WEB = "flask jinja2 flask_wtf wtforms werkzeug markupsafe itsdangerous markdown_it segno"
SQL = "sqlalchemy flask_sqlalchemy alembic pysqlite3"

PACKAGES = {
    "app": "flask",
    "app.cli": COMMAND_LINE,
    "app.commands": COMMAND_LINE,
    "app.http_server": "waitress",
    "app.web": WEB,
    "app.jobs": "flask",
    "app.metrics": "prometheus_client",
    "app.administration": "argon2 cryptography pyotp",
    "app.store": SQL,
    "app.current_application": "flask",
    "app.restoration": "flask",
    "app.store.database.database_file": "flask",
    "app.scim": "marshmallow",
    "app.backup": "pyrage",
    "app.delivery": "certifi",
    "app.openid": "authlib joserfc requests cryptography",
}
"""The foreign packages that each may import, and no other does."""

PROCESS = ("app.settings", "app.data_folder", "app.file_swap", "app.log_events", "app.process", "app.bundled_files")

NEVER = {
    "app.web": ("app.store",),
    "app.provisioning": PROCESS,
    "app.administration": PROCESS,
    "app.observation": PROCESS,
    "app.scim": (*PROCESS, "app.openid", "app.simulation"),
    "app.delivery": (*PROCESS, "app.scim", "app.openid", "app.simulation"),
    "app.openid": (*PROCESS, "app.scim", "app.simulation"),
    "app.simulation": (*PROCESS, "app.scim", "app.openid"),
}
"""What each must not import although it is below: the process and its folder are the program's own matter."""

RANKS = {name: rank for rank, line in enumerate(reversed(LAYERS.split("\n"))) for name in line.split()}


def within(module: str, names: Mapping[str, object]) -> str | None:
    """Return the longest of the names that is the module or a package around it."""
    parts = module.split(".")
    around = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in around if name in names and (name != "app" or module == "app")), None)


def modules() -> dict[str, Path]:
    """Return every module of the program by its name; a package is named by its folder."""
    paths = [ROOT / "recnice_scim.py", *sorted((ROOT / "app").rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(source: str, module: str, is_package: bool, known: set[str]) -> Iterator[str]:
    """Yield the full names that a source imports; `from app import bounds` is an import of app.bounds."""
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


def is_fault(module: str, target: str) -> bool:
    """Return whether `module` may not import `target`."""
    here, there = within(module, RANKS), within(target, RANKS)
    assert here is not None
    if there is not None:
        never = NEVER.get(within(module, NEVER) or "", ())
        return RANKS[there] > RANKS[here] or within(target, dict.fromkeys(never)) is not None
    package = target.partition(".")[0]
    return package not in STANDARD and package not in PACKAGES.get(within(module, PACKAGES) or "", "").split()


def faults(imports: Mapping[str, set[str]]) -> list[str]:
    """Return one line for each import that is not allowed."""
    lines = [f"{module} is in no layer: give it a place in LAYERS" for module in imports if not within(module, RANKS)]
    for module, targets in imports.items():
        if within(module, RANKS):
            place = module.replace(".", "/")
            lines += [f"{place}.py may not import {target}" for target in sorted(targets) if is_fault(module, target)]
    return lines


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return one circle of modules that import each other, or nothing."""
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


def test_rows_are_read_and_written_without_the_orm():
    """See docs/decisions/0046-statements-in-core.md."""
    users = [
        name for name, targets in read_imports().items() if any(one.startswith("sqlalchemy.orm") for one in targets)
    ]
    assert users == []


def transactions_with_yields(source: str) -> Iterator[str]:
    """Yield the generators that yield inside of a transaction, other than context managers."""
    if not re.search(r"\bwith .*(reading|writing|transaction)", source) or "yield" not in source:
        return
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and "contextmanager" not in map(ast.unparse, function.decorator_list):
            blocks = (block for block in ast.walk(function) if isinstance(block, ast.With))
            for block in blocks:
                has_yield = any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(block))
                if has_yield and re.search(r"\b(reading|writing|transaction)", " ".join(map(ast.unparse, block.items))):
                    yield function.name


def test_no_transaction_waits_for_the_client_of_an_export():
    """A generator goes on when the client has read; its snapshot would keep the WAL from being emptied until then."""
    keeping = {name: list(transactions_with_yields(path.read_text("utf-8"))) for name, path in modules().items()}
    assert {name: functions for name, functions in keeping.items() if functions} == {}
    assert list(transactions_with_yields("def every():\n with log.reading() as c:\n  yield from c.rows()")) == ["every"]


def test_every_layer_has_a_module():
    known = modules()
    assert [name for name in (*RANKS, *PACKAGES, *NEVER) if name not in known] == []


def test_an_import_that_goes_up_is_seen():
    wrong = {
        "app.web.users": {"app.store", "app.provisioning", "flask", "json"},
        "app.store.database.query": {"app.provisioning", "app.store.directory", "flask"},
        "app.scim.patch": {"app.settings", "app.bounds"},
        "app.unknown": {"json"},
    }
    assert faults(wrong) == [
        "app.unknown is in no layer: give it a place in LAYERS",
        "app/web/users.py may not import app.store",
        "app/store/database/query.py may not import app.provisioning",
        "app/store/database/query.py may not import app.store.directory",
        "app/store/database/query.py may not import flask",
        "app/scim/patch.py may not import app.settings",
    ]


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_imports_are_read_wherever_they_are():
    source = "from app import bounds\ndef f():\n    from .store import db\n    import flask\nfrom . import errors\n"
    known = {"app.bounds", "app.scim.errors", "app.scim.store"}
    assert set(imported(source, "app.scim.patch", False, known)) == {
        "app.bounds",
        "app.scim.store",
        "flask",
        "app.scim.errors",
    }
    assert set(imported("from . import patch", "app.scim", True, {"app.scim.patch"})) == {"app.scim.patch"}
