"""A request that got its 2xx survives `kill -9`: four writers note what was acknowledged, and the server is killed."""

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import real_program as program
from tests.conftest import wait_until

__all__ = ["program"]

pytestmark = pytest.mark.executable

DISK = Path("/var/tmp")
ROUNDS = 4
WRITERS = 4
ACKNOWLEDGED_BEFORE_THE_KILL = 60


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder on a disk, since other tests' folders are in memory; overrides pytest's own."""
    with tempfile.TemporaryDirectory(prefix="recnice-", dir=DISK) as folder:
        kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout
        assert kind.strip() not in ("tmpfs", "ramfs"), f"{DISK} is in memory"
        yield Path(folder)


@dataclass
class Acknowledged:
    """What one writer was told. `titles`: for each id, the title that was acknowledged last and the one under way."""

    names: dict[str, str] = field(default_factory=dict)
    titles: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    answers: int = 0
    refused: list[str] = field(default_factory=list)


def write(appliance, name, acknowledged):
    """Make a user and change it, again and again, until nobody answers any more."""
    try:
        for number in count():
            user_name = f"{name}-{number}@example.com"
            made = appliance.request("POST", "/scim/Users", {"userName": user_name})
            if made.status != 201:
                acknowledged.refused.append(made.text)
                return
            identifier = made.json["id"]
            acknowledged.names[identifier] = user_name
            acknowledged.answers += 1
            for step in range(2):
                old = acknowledged.titles.get(identifier, (None, None))[0]
                title = f"{user_name} {step}"
                acknowledged.titles[identifier] = (old, title)
                change = {"Operations": [{"op": "Replace", "path": "title", "value": title}]}
                if appliance.request("PATCH", f"/scim/Users/{identifier}", change).status not in (200, 204):
                    acknowledged.refused.append(title)
                    return
                acknowledged.titles[identifier] = (title, None)
                acknowledged.answers += 1
    except (OSError, HTTPException):
        return


def round_of_writers(appliance, number):
    """Let the writers write until enough was acknowledged, then kill the server; what each was told."""
    told = [Acknowledged() for _ in range(WRITERS)]
    writers = [
        threading.Thread(target=write, args=(appliance, f"{number}-{place}", one)) for place, one in enumerate(told)
    ]
    for writer in writers:
        writer.start()
    wait_until(
        lambda: (
            sum(one.answers for one in told) >= ACKNOWLEDGED_BEFORE_THE_KILL
            or not any(writer.is_alive() for writer in writers)
        ),
        "enough was acknowledged",
    )
    appliance.kill()
    for writer in writers:
        writer.join(30)
    return told


def test_nothing_acknowledged_is_lost(appliance):
    names: dict[str, str] = {}
    titles: dict[str, tuple[str | None, str | None]] = {}
    for number in range(ROUNDS):
        told = round_of_writers(appliance, number)
        assert not [one.refused for one in told if one.refused]
        assert sum(one.answers for one in told) >= ACKNOWLEDGED_BEFORE_THE_KILL
        for one in told:
            names |= one.names
            titles |= one.titles

        appliance.start()
        for identifier, user_name in names.items():
            answer = appliance.request("GET", f"/scim/Users/{identifier}")
            assert answer.status == 200, f"{user_name} was acknowledged and is gone"
            assert answer.json["userName"] == user_name
            assert answer.json.get("title") in titles.get(identifier, (None,)), answer.text

    total = appliance.request("GET", "/scim/Users?count=0").json["totalResults"]
    assert len(names) <= total <= len(names) + ROUNDS * WRITERS, "more than what was under way"
    assert appliance.stop() == 0
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_killing_the_started_process_leaves_nobody_on_the_port(new_appliance, tmp_path):
    """The one-file executable is two processes; killing the one that was started must end the other as well."""
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    killed = new_appliance(environment={"TMPDIR": str(unpacked)}).start()
    killed.process.kill()
    killed.process.wait(30)

    def is_gone() -> bool:
        try:
            killed.request("GET", "/scim/ServiceProviderConfig")
        except OSError:
            return True
        return False

    wait_until(is_gone, "nobody answers any more")
    killed.start()
    assert killed.stop() == 0, killed.output
    assert not list(unpacked.glob("_MEI*")), "folders that a killed start left behind are swept by the next one"
