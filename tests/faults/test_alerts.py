"""Alerts about the database itself: they are sent once by what the process remembers."""

import json
from collections.abc import Callable

from tests.conftest import Appliance, wait_until, with_values
from tests.delivery.receiver import Receiver, receiving
from tests.faults.conftest import fill
from tests.web.test_alerts import SOON
from tests.web.visitor import set_up

QUICK = with_values(**SOON, bounds__ALERT_OVER_AFTER_S=1)


def watched(appliance: Appliance, receiver: Receiver) -> None:
    """Send alerts to a receiver, as the thread then knows."""
    eva = set_up(appliance)
    eva.get("/alerts")
    eva.post("/alerts/webhook", url=f"http://127.0.0.1:{receiver.port}/")
    eva.get("/alerts")
    eva.post("/alerts/test", channel="webhook")
    wait_until(lambda: kinds(receiver) == ["alert.test test"], "the test arrives")


def kinds(receiver: Receiver) -> list[str]:
    contents = [json.loads(one.body) for one in receiver.received]
    return [f"{content['type']} {content['data']['alert']}" for content in contents]


def test_a_full_disk_and_a_lost_file_are_alerts(on_small_disk: Callable[..., Appliance]) -> None:
    appliance = on_small_disk(program=QUICK, flags=("--alert-loopback",))
    with receiving() as receiver:
        watched(appliance, receiver)
        filler = fill(appliance.data)

        def is_noticed() -> bool:
            appliance.request("POST", "/scim/Users", {"userName": "a" * 500})
            return "alert.began database-not-writable" in kinds(receiver)

        wait_until(is_noticed, "the alert arrives, although it cannot be stored")
        filler.unlink()
        wait_until(lambda: "alert.over database-not-writable" in kinds(receiver), "and it is over")
        (appliance.data / "recnice.sqlite3").unlink()
        wait_until(lambda: "alert.began database-lost" in kinds(receiver), "the alert arrives without a database")
        appliance.kill()
    began = [kind for kind in kinds(receiver) if kind.startswith("alert.began database-")]
    assert began == ["alert.began database-not-writable", "alert.began database-lost"], "once each"
