"""This module is the command line of the benchmarks: `python -m bench COMMAND`."""

import argparse
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import report, runs, servers

DEFAULTS = runs.Options(
    servers.SOURCE, 3, 8, 400, groups=1_000, sizes=(1_000, 1_000_000), members=100_000, requests=300_000, delay_ms=5
)
RUNS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "operations": (runs.operations, {}, {}),
    "costs": (runs.costs, {"users": 200}, {"users": 100}),
    "connections": (runs.connections, {}, {"rounds": 1, "users": 200}),
    "slow-disk": (runs.slow_disk, {}, {"rounds": 1, "users": 200}),
    "size": (runs.size, {"users": 2_000}, {"users": 1_000}),
    "start": (runs.start, {}, {"rounds": 1}),
    "pages": (runs.pages, {"sizes": (1_000,), "users": 30}, {"users": 20}),
    "growth": (runs.growth, {"users": 200}, {"sizes": (1_000, 10_000), "members": 10_000, "users": 100, "rounds": 1}),
    "pruning": (runs.pruning, {"users": 2_000}, {"users": 1_000, "rounds": 1}),
    "backup": (
        runs.backup,
        {"sizes": (100_000,), "members": 10_000, "users": 2_000},
        {"sizes": (10_000,), "users": 1_000, "rounds": 1},
    ),
    "simulate": (runs.simulate, {"users": 10_000}, {"users": 300, "groups": 20}),
    "peers": (runs.peers, {"users": 200}, {"rounds": 1, "users": 120}),
}
"""The function of each subcommand, its defaults, and its smaller sizes in `all`."""
LEFT_OUT = """left out, since they take longer: python -m bench growth (1,000,000 users), simulate --users 100000,
and three rounds of connections, slow-disk, pages and peers"""


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench", description="Measure speed and size against the goals.")
    parser.add_argument("command", choices=["all", "page", *RUNS], help="all: in small sizes, in ten minutes")
    parser.add_argument("--program", metavar="FILE", type=Path, help="the executable, instead of the source")
    for name in ("rounds", "connections", "users", "groups", "members", "requests"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--sizes", type=int, nargs="+", help="users in the directory, for growth and pages")
    parser.add_argument("--delay-ms", type=float, help="what slow-disk adds to each sync")
    given = vars(parser.parse_args())
    command, program = given.pop("command"), given.pop("program")
    chosen = {name: value for name, value in given.items() if value is not None}
    if program:
        chosen["program"] = (str(program.resolve()),)
    began = time.monotonic()
    for name in RUNS if command == "all" else [command] if command in RUNS else []:
        print(f"\n=== {name}", flush=True)
        measure, defaults, smaller = RUNS[name]
        result = measure(replace(DEFAULTS, **defaults | (smaller if command == "all" else {}) | chosen))
        for title, rows in result.tables.items():
            print(f"\n{title}\n{report.text(rows)}")
        print("\n".join(f"! {line}" for line in result.failures), flush=True)
        report.keep(name, shlex.join(["python", "-m", "bench", *sys.argv[1:]]), result)
    measured = [row[:-1] for row in report.goals(report.read()) if "not run" not in row]
    print(f"\n{report.text(measured)}\n{time.monotonic() - began:.0f} s")
    if command == "all":
        print(LEFT_OUT)
    if command in ("all", "page"):
        report.write_page()


if __name__ == "__main__":
    main()
