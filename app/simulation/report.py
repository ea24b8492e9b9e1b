"""This module prints the report of a simulation."""

from collections.abc import Iterator

from app.simulation.ledger import Failure, Ledger, Stage

KEYS = ("stage", "requests", "checks", "failed", "median_ms", "worst_ms")


def row(stage: Stage) -> tuple[str | int | float, ...]:
    """Return the value of a stage for each of KEYS."""
    times = (round(stage.median_ms, 1), round(stage.worst_ms, 1))
    return stage.name, len(stage.times), stage.checks, stage.failures, *times


def line(stage: Stage) -> str:
    """Return a finished stage in words, while the simulation continues."""
    outcome = f"{stage.failures} failed" if stage.failures else "all held"
    return f"{stage.name}: {len(stage.times)} requests, {stage.checks} checks, {outcome}"


def failure_line(failure: Failure) -> str:
    """Return a failed check: stage, user or group, request, expected, received. Control characters are escaped."""
    outcome = (f"expected {failure.expected}", f"received {failure.received}")
    text = " | ".join((failure.stage, failure.about, failure.request, *outcome))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def closing(ledger: Ledger) -> Iterator[str]:
    """Yield the lines of the summary."""
    seconds = sum(sum(stage.times) for stage in ledger.stages) / 1000
    checks = sum(stage.checks for stage in ledger.stages)
    rate = ledger.requests / max(seconds, 0.001)
    yield f"{ledger.requests} requests in {seconds:.1f} s ({rate:.0f} a second, one after another)"
    yield f"{ledger.failed} of {checks} checks failed" if ledger.failed else f"all {checks} checks held"
    if ledger.stopped:
        yield f"Stopped after the stage {ledger.stopped}, since checks failed in it: fix that first, then run it again."
