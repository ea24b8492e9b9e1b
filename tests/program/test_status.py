"""`status` asks the running server, and says in one line and by its exit status whether changes can be stored."""

import json
import shutil
from collections.abc import Callable

from app import data_folder
from app.doctor.running_server import ask
from tests.conftest import Appliance, free_port
from tests.delivery.receiver import receiving


def test_a_running_server_is_ready_whatever_its_public_url_is(
    new_appliance: Callable[..., Appliance], with_key: Appliance
) -> None:
    # The proxy of the environment is not used: nobody listens there.
    elsewhere = {"RECNICE_PUBLIC_URL": "https://scim.example.com/recnice", "http_proxy": "http://127.0.0.1:1"}
    appliance = new_appliance(environment=elsewhere)
    shutil.copytree(with_key.data, appliance.data)
    stopped = appliance.command("status", "--json")
    assert stopped.returncode == 75
    assert json.loads(stopped.stdout) == {
        "ready": False,
        "address": None,
        "reason": f"data folder {appliance.data}: no server runs",
        "warnings": {},
    }
    assert stopped.stderr == f"recnice-scim: data folder {appliance.data}: no server runs\n"
    appliance.start()
    running = appliance.command("status")
    assert (running.returncode, running.stdout, running.stderr) == (0, f"ready at {appliance.url}\n", "")
    assert appliance.stop() == 0


def test_nothing_is_created_where_no_server_ran(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance()
    assert appliance.command("status").returncode == 75 and not appliance.data.exists()
    appliance.data.mkdir()
    assert appliance.command("status").returncode == 75 and not list(appliance.data.iterdir())


def test_a_server_that_starts_is_not_waited_for(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance()
    data_folder.prepare(appliance.data)
    with data_folder.hold(appliance.data, "serve"):
        starting = appliance.command("status")
    assert starting.returncode == 75 and starting.stderr.endswith(": the server is starting\n")


def test_what_is_no_answer_of_the_server_is_said() -> None:
    assert ask("") == ("expected a server of this version", {})
    assert ask("http://[") == ("http://[: expected the answer of a server of this version", {})
    nobody = f"http://127.0.0.1:{free_port()}"
    assert ask(nobody)[0].startswith(f"no answer from {nobody} (")
    with receiving() as other:
        other.status = 200
        address = f"http://127.0.0.1:{other.port}"
        for body in (b"<html>", b"[]", b"{}", b'{"reason": "", "warnings": []}', b"\xff", b"[" * 60_000):
            other.body = body
            assert ask(address) == (f"{address}: expected the answer of a server of this version", {})
        other.body = b'{"reason": "full", "warnings": {"space": "little"}}'
        assert ask(address) == ("full", {"space": "little"})
