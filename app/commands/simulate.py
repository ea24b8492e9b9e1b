"""This module implements `simulate`, which simulates Entra against a temporary server or a running one."""

import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from urllib.parse import urlsplit

import click

from app import bounds, exit_codes, process
from app.commands.shared.color import colored
from app.commands.shared.options import data_unused
from app.commands.shared.table import objects, printing_json, show, show_object
from app.simulation import report
from app.simulation.client import EntraClient, UnreachableError
from app.simulation.dialects import DIALECTS
from app.simulation.ledger import Ledger, Stage, Watch
from app.simulation.own_server import NotStartedError, temporary_appliance
from app.simulation.story import Plan, rehearse

PEOPLE = click.IntRange(1, bounds.SIMULATED_PEOPLE)
GROUPS = click.IntRange(1, bounds.SIMULATED_GROUPS)


class Lines:
    """A watch that writes a plain line to standard error for each completed stage."""

    def began(self, stage: Stage, steps: int) -> None:
        """Do nothing: the line is written at the end of the stage."""

    def stepped(self) -> None:
        """Do nothing."""

    def ended(self, stage: Stage) -> None:
        click.echo(report.line(stage), err=True)


class ProgressBar:
    """A watch that displays a progress bar on a terminal for the current stage."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self.progress.add_task("", total=None)

    def began(self, stage: Stage, steps: int) -> None:
        self.progress.reset(self._task, description=stage.name, total=steps)

    def stepped(self) -> None:
        self.progress.advance(self._task)

    def ended(self, stage: Stage) -> None:
        if stage.failures:
            self.progress.console.print(report.line(stage), markup=False, highlight=False)


@contextmanager
def _watching() -> Iterator[Watch]:
    if not sys.stderr.isatty():
        yield Lines()
        return
    bar = ProgressBar()
    with bar.progress:
        yield bar


@click.command()
@click.option("--people", metavar="N", type=PEOPLE, default=50, show_default=True, help="Number of simulated users.")
@click.option("--groups", metavar="M", type=GROUPS, default=5, show_default=True, help="Number of simulated groups.")
@click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default="both",
    show_default=True,
    help="The PATCH style: as without (default) or with (compliant) aadOptscim062020.",
)
@click.option("--base", metavar="URL", help="The Tenant URL of a running service, instead of a temporary one.")
@click.option("--key", metavar="KEY", help="The SCIM Key for --base; - reads it from standard input.")
@click.option("--keep", is_flag=True, help="With --base: do not delete what was created, to look at it in the console.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(0, bounds.SIMULATED_SEED), help="Simulate the same directory again."
)
@printing_json("seed", "requests", "failed", "stopped", "stages", "failures")
@data_unused
def simulate(
    people: int,
    groups: int,
    dialect: str,
    base: str | None,
    key: str | None,
    keep: bool,
    seed: int | None,
    is_json: bool,
) -> int:
    """Simulate Entra and check every answer.

    Without --base it starts a server on a temporary folder, which is removed afterwards. With --base it creates users
    and groups there whose names begin with rehearsal-, and deletes them at the end. It stops after the first stage in
    which a check fails. Exit status 0: all checks passed; 1: some failed; 75: no answer.
    """
    if (base is None) != (key is None):
        raise click.UsageError("--base and --key belong together: the Tenant URL, and a SCIM Key for it")
    if base is not None:
        url = urlsplit(base)
        if url.scheme not in ("http", "https") or not url.hostname or url.fragment:
            raise click.UsageError("--base: expected the Tenant URL, such as https://scim.example.com/scim/")
    elif keep:
        raise click.UsageError("--keep: expected --base, since without it the folder is temporary")
    seed = secrets.randbelow(bounds.SIMULATED_SEED) if seed is None else seed
    plan = Plan(people, groups, DIALECTS[dialect], seed, alone=base is None, keeps=keep)
    ledger = Ledger()
    tell = _show_json if is_json else _tell
    # Both signals end the simulation in order, so that it deletes what it created. SIGINT is set explicitly, since a
    # shell script ignores it for commands in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            if base is not None and key is not None:
                tenant_url, secret = base, _secret(key)
                click.echo(_intention(plan, base), err=True)
            else:
                tenant_url, secret = stack.enter_context(temporary_appliance(process.own_program()))
            client = EntraClient(tenant_url, secret, ledger)
            stack.callback(client.close)
            rehearse(plan, client, ledger, stack.enter_context(_watching()))
    except (UnreachableError, NotStartedError) as error:
        if ledger.requests:
            tell(ledger, seed)
        raise exit_codes.CommandError(str(error), exit_codes.TRY_AGAIN) from None
    tell(ledger, seed)
    return exit_codes.FAILED if ledger.failed else exit_codes.DONE


def _secret(key: str) -> str:
    """Return the key as given; for `-`, the first line of standard input, which other users cannot see."""
    secret = sys.stdin.readline(bounds.PASSWORD_LINE_LENGTH).strip() if key == "-" else key.strip()
    if not secret.isascii() or not secret.isprintable() or not secret:
        raise click.UsageError("--key: expected a SCIM Key")
    return secret


def _intention(plan: Plan, base: str) -> str:
    end = "keeps them" if plan.keeps else "deletes them at the end"
    return (
        f"This creates {plan.people} users, {plan.groups} groups and some more for single stages at {base}, all with "
        f"names that begin with {plan.run}, and {end}. Nothing else is changed."
    )


def _show_json(ledger: Ledger, seed: int) -> None:
    stages = list(objects(report.KEYS, map(report.row, ledger.stages)))
    failures = [asdict(failure) for failure in ledger.failures]
    totals = {"seed": seed, "requests": ledger.requests, "failed": ledger.failed, "stopped": ledger.stopped or None}
    show_object({**totals, "stages": stages, "failures": failures})


def _tell(ledger: Ledger, seed: int) -> None:
    show(report.KEYS, map(report.row, ledger.stages))
    click.echo()
    for failure in ledger.failures:
        click.echo(colored(report.failure_line(failure), "red"))
    if ledger.failed > len(ledger.failures):
        click.echo(f"and {ledger.failed - len(ledger.failures)} more")
    for line in report.closing(ledger):
        click.echo(line)
    click.echo(f"directory: --seed {seed}")
