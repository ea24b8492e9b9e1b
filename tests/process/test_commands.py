"""Commands beside a server that is starting, running, or not there; as processes of their own."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Appliance, wait_until

LINK = re.compile(r"^(http\S+)/setup\?code=\S+$", re.MULTILINE)


def test_a_key_can_be_made_while_the_server_is_starting(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance()
    process = appliance.launch()
    wait_until(lambda: (appliance.data / "recnice.lock").exists(), "the server has begun")
    key = appliance.make_key()
    wait_until(lambda: "Tenant URL" in appliance.output, "the server says where it is")
    assert appliance.request("GET", "/scim/Users").status == 200
    assert key not in appliance.output and process.poll() is None
    assert appliance.stop() == 0


def test_a_mistyped_folder_is_not_made(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance()
    commands = (
        *("check", "setup-link", "key create", "key list", "oauth create --name n", "sources list"),
        "admin create --user-name eva --password-stdin",
    )
    for command in commands:
        refused = appliance.command(*command.split(), typed="a blue kettle sings\n")
        assert (refused.returncode, refused.stdout) == (78, "")
        assert f"data folder {appliance.data}: no database there" in refused.stderr
        assert not appliance.data.exists()


def test_a_pipe_or_folder_in_place_of_a_file_is_told_in_one_line(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance()
    (appliance.data / "recnice.secret").mkdir(parents=True)
    (appliance.data / "recnice.sqlite3").touch()
    for refused in (appliance.command("key", "create"), appliance.command("serve", "--listen", "127.0.0.1:0")):
        assert refused.returncode == 78
        assert f"{appliance.data}/recnice.secret: expected a regular file" in refused.stderr.splitlines()[-1]


def test_the_setup_link_is_the_running_servers(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(flags=("--public-url", "https://scim.example.com/recnice")).start()
    first = LINK.findall(appliance.output)
    hint = re.search(r"new link: recnice-scim (setup-link --data \S+)\):", appliance.output)
    assert hint and hint[1] == f"setup-link --data {appliance.data}"
    printed = appliance.command("setup-link").stdout
    assert first == LINK.findall(printed) == ["https://scim.example.com/recnice"]
    assert printed.count("\n") == 1 and printed not in appliance.output
    assert appliance.stop() == 0
    assert LINK.findall(appliance.command("setup-link").stdout) == ["http://127.0.0.1:7644"]


def test_the_second_server_says_who_has_the_folder(new_appliance: Callable[..., Appliance]) -> None:
    first, second = new_appliance().start(), new_appliance("second")
    second.data = first.data
    refused = second.command("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode == 75
    number = re.search(r"in use by process ([0-9]+)$", refused.stderr.strip())
    assert number and Path(f"/proc/{number[1]}").exists()
    first.kill()
    first.start()
    assert first.stop() == 0


def test_one_processor_unless_told_otherwise(new_appliance: Callable[..., Appliance]) -> None:
    for flags, pinned in (((), True), (("--no-one-cpu",), False)):
        appliance = new_appliance(f"pinned-{pinned}", flags=flags).start()
        holder = re.search(r'"process": ([0-9]+)', (appliance.data / "recnice.lock").read_text())
        assert holder
        assert (len(os.sched_getaffinity(int(holder[1]))) == 1) is (pinned or len(os.sched_getaffinity(0)) == 1)
        assert appliance.stop() == 0
