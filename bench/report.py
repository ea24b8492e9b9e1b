"""This module prints results, keeps them as JSON, and writes them into docs/performance.md with a chart."""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.goals import GOALS, judged
from bench.runs import Result
from bench.servers import BUILD, PROCESSORS, ROOT

KEPT = BUILD / "results.json"
PAGE, CHART, FIGURES = (ROOT / "docs" / f"performance.{kind}" for kind in ("md", "svg", "json"))
MARKED = re.compile(r"(?<=<!-- bench -->\n).*(?=<!-- end of bench -->)", re.DOTALL)
LINE, WIDTH, LABEL, TOP = 22, 400, 130, 30  # pixels of the chart

Sections = Mapping[str, Mapping[str, Any]]
"""The results of the subcommands, as they are kept."""


def keep(name: str, command: str, result: Result) -> None:
    """Replace the section of one subcommand in the kept results."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    day, load = time.strftime("%Y-%m-%d"), round(os.getloadavg()[0], 1)
    about = {"command": command, "commit": commit.strip(), "day": day, "cpus": len(PROCESSORS), "load": load}
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps({**read(), name: about | vars(result)}, indent=1), "utf-8")


def read() -> Sections:
    sections: Sections = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return sections


def _values(sections: Sections) -> dict[str, Any]:
    values = {key: value for section in sections.values() for key, value in section["values"].items()}
    bad = sum(section["bad"] for section in sections.values())
    return values | ({"bad": {"value": bad, "note": ""}} if sections else {})


def goals(sections: Sections) -> list[list[str]]:
    """Return the table of the goals, of all sections together."""
    return judged(_values(sections))


def text(rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def chart(sections: Sections) -> str:
    """Return an SVG with a bar for each operation's share, and a mark at its goal."""
    values = _values(sections)
    shown = [goal for goal in GOALS if goal.key.startswith("share ") and goal.key in values]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + 60}" height="{TOP + LINE * len(shown) + 10}"'
        ' font-size="12" font-family="sans-serif"><rect width="100%" height="100%" fill="#fff"/>',
        '<text x="8" y="18">Share of the bare route by processor time; the line is the goal</text>',
    ]
    for y, goal in zip(range(TOP, TOP + LINE * len(shown), LINE), shown, strict=True):
        value = values[goal.key]["value"]
        end, mark = LABEL + WIDTH * min(value, 1.1), LABEL + WIDTH * goal.figure
        parts += [
            f'<text x="8" y="{y + 14}">{goal.key.removeprefix("share ")}</text>',
            f'<path d="M{LABEL} {y + 10}H{end:.0f}" stroke="{"#2e7d32" if goal.is_met(value) else "#90a4ae"}"'
            f' stroke-width="14"/><path d="M{mark:.0f} {y}v20" stroke="#b71c1c" stroke-width="2"/>',
            f'<text x="{max(mark, end) + 6:.0f}" y="{y + 14}">{value:.2f}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def write_page() -> None:
    """Write the page's figures, the chart and the JSON from the kept results."""
    sections = read()
    FIGURES.write_text(json.dumps(sections, indent=1) + "\n", "utf-8")
    CHART.write_text(chart(sections), "utf-8")
    parts = ["![Shares of the bare route, with the goals](performance.svg)", markdown(goals(sections))]
    for section in sections.values():
        about = f"commit {section['commit']}, {section['day']}, {section['cpus']} processors, load {section['load']}"
        parts.append(f"`{section['command']}` ({about}):")
        parts += [f"**{title}**\n\n{markdown(rows)}" for title, rows in section["tables"].items()]
        parts += ["\n".join(f"- `{line}`" for line in section["failures"])] if section["failures"] else []
    PAGE.write_text(MARKED.sub(lambda _: "\n" + "\n\n".join(parts) + "\n\n", PAGE.read_text("utf-8")), "utf-8")
