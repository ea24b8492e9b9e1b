"""Health while nothing can be written: /readyz says why, /healthz answers whatever else is at work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from tests.conftest import Appliance, wait_until, with_values
from tests.faults.conftest import fill

QUICK = with_values(bounds__WRITE_PROBE_S=0.1)


def is_ready(appliance: Appliance) -> bool:
    return appliance.request("GET", "/readyz").status == 200


def test_a_full_disk_is_not_ready_until_there_is_room(on_small_disk: Callable[..., Appliance]) -> None:
    appliance = on_small_disk(program=QUICK)
    assert appliance.request("GET", "/readyz").text == "ok\n"
    filler = fill(appliance.data)
    names = (f"user-{number}@example.com" for number in count())
    wait_until(lambda: appliance.request("POST", "/scim/Users", {"userName": next(names)}).status == 503, "full")
    refused = wait_until(lambda: None if (answer := appliance.request("GET", "/readyz")).status == 200 else answer, "")
    assert refused.status == 503 and refused.headers["retry-after"] == "5"
    assert refused.text == "not ready: The service cannot use its database: the disk is full\n"
    asked = appliance.command("status")
    assert (asked.returncode, asked.stderr) == (75, f"recnice-scim: {refused.text}")
    before = len(appliance.output.splitlines())
    with ThreadPoolExecutor(8) as writers:
        refusals = list(
            writers.map(lambda name: appliance.request("POST", "/scim/Users", {"userName": name}), "a" * 80)
        )
    assert {one.status for one in refusals} == {503}
    assert len(appliance.output.splitlines()) - before < 5, "a line for each cause"
    assert appliance.request("GET", "/healthz").text == "ok\n"
    assert appliance.request("GET", "/scim/Users").status == 200
    filler.unlink()
    wait_until(lambda: is_ready(appliance), "ready without a restart")
    assert appliance.request("POST", "/scim/Users", {"userName": "ada@example.com"}).status == 201


def as_json(appliance: Appliance) -> Any:
    return appliance.request("GET", "/readyz", headers={"Accept": "application/json"})


def test_little_space_is_a_warning_while_changes_are_stored(on_small_disk: Callable[..., Appliance]) -> None:
    appliance = on_small_disk(
        program=with_values(bounds__WRITE_PROBE_S=0.1, bounds__DISK_LOW_SHARE=1, bounds__WAL_BYTES=0)
    )
    answer = as_json(appliance)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json["ready"] and not answer.json["reason"]
    assert answer.json["warnings"] == {
        "space": "Little disk space is free",
        "wal": "A program keeps an old state of a database open",
    }
    asked = appliance.command("status")
    assert asked.returncode == 0
    assert asked.stdout.splitlines() == [
        f"ready at {appliance.url}",
        "warning: space: Little disk space is free",
        "warning: wal: A program keeps an old state of a database open",
    ]
    assert appliance.request("GET", "/readyz").text == "ok\n"
    assert appliance.request("POST", "/scim/Users", {"userName": "ada@example.com"}).status == 201
    fill(appliance.data)
    names = (f"user-{number}@example.com" for number in count())
    wait_until(lambda: appliance.request("POST", "/scim/Users", {"userName": next(names)}).status == 503, "full")
    refused = wait_until(lambda: None if (one := as_json(appliance)).status == 200 else one, "not ready")
    assert refused.status == 503 and refused.headers["retry-after"] == "5"
    assert (refused.json["ready"], refused.json["warnings"]["space"]) == (False, "Little disk space is free")
    assert refused.json["reason"] == "The service cannot use its database: the disk is full"
