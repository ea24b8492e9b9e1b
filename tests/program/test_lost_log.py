"""The request log may be lost at any time: the appliance starts without it, and identity data does not miss it."""

import re
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
