"""What strangers send does not make the program grow: many sign-ins at once, and many paths that are none."""

import http.client
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Appliance
from tests.conftest import real_program as program
from tests.web.visitor import Visitor, set_up

__all__ = ["program"]

MIB = 1024  # KiB
SIGN_INS = 40
PATHS = 3_000


def memory(appliance: Appliance, field: str) -> int:
    """VmRSS or VmHWM, its highest so far, of the process that serves; in KiB."""
    process = json.loads((appliance.data / "recnice.lock").read_text())["process"]
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.mark.executable
def test_many_sign_ins_at_once_take_the_memory_of_two(new_appliance: Callable[..., Appliance]):
    """Each password that is looked at takes 19 MiB, and whoever comes while two are looked at is told to come again."""
    appliance = new_appliance(flags=("--trusted-proxy", "127.0.0.1")).start()
    set_up(appliance)
    before, statuses = memory(appliance, "VmHWM"), []

    def sign_in(number: int) -> None:
        visitor = Visitor(appliance.url, sends={"X-Forwarded-For": f"203.0.113.{number}"})
        statuses.append(visitor.sign_in(f"nobody-{number}", "wrong").status)

    tries = [threading.Thread(target=sign_in, args=(number,)) for number in range(SIGN_INS)]
    for one in tries:
        one.start()
    assert appliance.request("GET", "/healthz").status == 200, "answered meanwhile"
    for one in tries:
        one.join()
    assert len(statuses) == SIGN_INS and {401} <= set(statuses) <= {401, 429, 503}
    assert memory(appliance, "VmHWM") - before < 100 * MIB
    assert appliance.stop() == 0


def test_thousands_of_paths_that_are_none_leave_nothing(appliance: Appliance):
    connection = http.client.HTTPConnection("127.0.0.1", appliance.port, timeout=30)

    def ask(first: int, last: int) -> None:
        for number in range(first, last):
            path = f"/{'scim/' if number % 2 else ''}no-such-place-{number}/{number:x}"
            connection.request("GET", path, headers={"Authorization": f"Bearer {appliance.key}"})
            response = connection.getresponse()
            response.read()
            assert response.status == 404, path

    ask(0, PATHS // 20)  # what is made once is made by then
    before = memory(appliance, "VmRSS")
    ask(PATHS // 20, PATHS)
    connection.close()
    assert memory(appliance, "VmRSS") - before < 5 * MIB, "some 1,600 bytes a path"
