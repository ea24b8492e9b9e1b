"""Health while nothing can be written: /readyz says why, /healthz answers whatever else is at work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

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
