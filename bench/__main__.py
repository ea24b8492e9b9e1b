"""This module is the command line: `python -m bench COMMAND`.

`all` runs what fits into ten minutes, in small sizes, and says what it left out.
"""

import argparse
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import report, runs, servers
from bench.runs import Options

RUNS = {
    run.__name__.replace("_", "-"): run
    for run in (
        runs.operations, runs.connections, runs.slow_disk, runs.size, runs.start, runs.pages, runs.growth,
        runs.simulate, runs.peers,
    )
}  # fmt: skip
DEFAULTS = Options(
    servers.SOURCE, rounds=3, connections=8, users=400, sizes=(1_000, 1_000_000), members=100_000, delay_ms=5, groups=50
)
OF_RUN: dict[str, dict[str, Any]] = {
    "slow-disk": {"users": 640},
    "size": {"users": 2_000},
    "pages": {"sizes": (1_000,)},
    "growth": {"users": 200},
    "simulate": {"users": 10_000, "groups": 1_000},
    "peers": {"users": 120},
}
IN_ALL: dict[str, dict[str, Any]] = {
    "operations": {},
    "connections": {"rounds": 1},
    "slow-disk": {"users": 320, "rounds": 1},
    "size": {},
    "start": {"rounds": 1},
    "pages": {"rounds": 1},
    "growth": {"sizes": (1_000, 10_000), "members": 10_000, "users": 100},
    "simulate": {"users": 300, "groups": 20},
    "peers": {"rounds": 1},
}
LEFT_OUT = """left out, since they take longer:
  python -m bench growth                     1,000,000 users, a group of 100,000
  python -m bench simulate --users 100000    1,000 groups
  python -m bench peers, connections         in three rounds"""


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("command", choices=["all", "page", *RUNS])
    parser.add_argument("--program", metavar="FILE", type=Path, help="the executable to measure, instead of the source")
    parser.add_argument("--rounds", type=int, help="rounds, in each of which every server starts again")
    parser.add_argument("--connections", type=int)
    parser.add_argument("--users", type=int, help="users of a measured run")
    parser.add_argument("--groups", type=int, help="groups of the simulation")
    parser.add_argument(
        "--sizes", type=int, nargs="+", help="users in the directory before growth or pages are measured"
    )
    parser.add_argument("--members", type=int, help="members of the large group")
    parser.add_argument("--delay-ms", type=float, help="what slow-disk adds to each sync")
    given = vars(parser.parse_args())
    command, program = given.pop("command"), given.pop("program")
    chosen = {name: value for name, value in given.items() if value is not None}
    if program:
        chosen["program"] = (str(program.resolve()),)
    began = time.monotonic()
    if command != "page":
        for name in RUNS if command == "all" else [command]:
            print(f"\n=== {name} ({time.monotonic() - began:.0f} s)", flush=True)
            own = IN_ALL[name] if command == "all" else {}
            result = RUNS[name](replace(DEFAULTS, **OF_RUN.get(name, {}) | own | chosen))
            for title, rows in result.tables.items():
                print(f"\n{title}\n{report.text(rows)}", flush=True)
            for line in result.failures:
                print(f"! {line}")
            report.keep(name, shlex.join(["python", "-m", "bench", *sys.argv[1:]]), result)
    if command in ("all", "page"):
        report.write_page()
    print("\n" + report.text(report.goals(report.read())))
    if command == "all":
        print(LEFT_OUT)


if __name__ == "__main__":
    main()
