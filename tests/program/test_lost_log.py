"""The request log may be lost at any time: the appliance starts without it, and identity data does not miss it."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.conftest import Appliance, wait_until
from tests.web.visitor import Visitor, set_up

LOG = "recnice-requests.sqlite3"


@pytest.fixture
def visitor(appliance: Appliance) -> Visitor:
    """An operator of an appliance on which Ana is."""
    signed_in = set_up(appliance)
    made = appliance.request("POST", "/scim/Users", {"userName": "ana", "active": False})
    assert made.status == 201
    return signed_in


def lose_log(appliance: Appliance) -> None:
    for file in appliance.data.glob(LOG + "*"):
        file.unlink()


def test_with_the_log_gone_people_are_still_known_to_have_been_spoken_of(
    appliance: Appliance, visitor: Visitor
) -> None:
    assert appliance.stop() == 0
    lose_log(appliance)
    appliance.start()

    def confirmed() -> Any:
        (row,) = re.findall(r"<tr.*?</tr>", visitor.get("/users").text.partition("<tbody>")[2], re.DOTALL)
        return len(re.findall(r"<time", row)) == 2  # last confirmed, last change

    wait_until(confirmed, "Ana's last change counts as a mention")


def test_a_log_that_cannot_be_used_hinders_no_start_and_no_request(appliance: Appliance, visitor: Visitor) -> None:
    assert appliance.stop() == 0
    with closing(sqlite3.connect(appliance.data / LOG, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        appliance.start()
        assert appliance.request("POST", "/scim/Users", {"userName": "bo"}).status == 201
        assert appliance.request("GET", "/scim/Users").json["totalResults"] == 2
        assert visitor.get("/account").status == 200
        assert visitor.get("/").status in (200, 503)
    assert "no requests are kept" in appliance.output
    assert "Traceback" not in appliance.output
