"""The one-file executable's launcher: when it is killed, nothing of the appliance is left, in memory or on disk."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.conftest import wait_until

pytestmark = [
    pytest.mark.executable,
    pytest.mark.skipif(
        not os.environ.get("RECNICE_PROGRAM"), reason="only the executable has a launcher (RECNICE_PROGRAM=…)"
    ),
]


def test_kill_9_of_the_launcher_ends_the_service_and_the_next_start_tidies_up(new_appliance, tmp_path):
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    appliance = new_appliance(environment={"TMPDIR": str(unpacked)}).start()
    service = json.loads((appliance.data / "recnice.lock").read_text())["process"]
    os.kill(appliance.process.pid, signal.SIGKILL)
    appliance.process.wait(10)
    # While the service is on its way out, its folder is still in use and rightly left alone.
    wait_until(lambda: not Path(f"/proc/{service}").exists(), "the service has ended with its launcher")
    left_over = set(unpacked.iterdir())
    assert left_over, "kill -9 leaves the folder"
    appliance.start()
    assert not left_over & set(unpacked.iterdir()), "the next start gets the port and the folder, and tidies up"
    assert appliance.stop() == 0
    assert not list(unpacked.iterdir())


def test_ctrl_c_in_a_terminal_stops_in_order(appliance):
    os.killpg(appliance.process.pid, signal.SIGINT)
    assert appliance.process.wait(30) == 0, appliance.output
    assert '"stopped"' in appliance.output
    wait_until(lambda: not Path(f"/proc/{appliance.process.pid}").exists(), "the launcher has ended as well")
