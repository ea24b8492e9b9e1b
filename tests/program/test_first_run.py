"""The first minutes: start in an empty folder, follow the printed link, and nothing works before that but the link."""

import re
import stat
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.conftest import free_port
from tests.web.visitor import set_up

LINK = re.compile(r"^(http\S+/setup\?code=\S+)$", re.MULTILINE)


def setup_path(output: str) -> str:
    """The path and query of the setup link that the program printed last."""
    links = re.findall(r"http://127\.0\.0\.1:[0-9]+(/setup\?code=\S+)", output)
    assert links, output
    return str(links[-1])


@pytest.mark.executable
def test_serve_prints_what_an_administrator_needs(new_appliance, real_program):
    fresh = new_appliance(program=real_program).start()
    output = fresh.output
    assert f"{fresh.url}/scim/" in output
    assert str(fresh.data) in output
    assert fresh.request("GET", setup_path(output)).status == 200
    assert fresh.stop() == 0


def test_the_setup_page_wants_the_code(new_appliance):
    fresh = new_appliance().start()
    with_code = fresh.request("GET", setup_path(fresh.output))
    assert "<form" in with_code.text and 'type="password"' in with_code.text
    for path in ("/setup", "/setup?code=", "/setup?code=" + "A" * 43):
        without = fresh.request("GET", path)
        assert 'type="password"' not in without.text, path


def test_every_page_says_where_to_begin(new_appliance):
    fresh = new_appliance().start()
    for path in ("/", "/login", "/account", "/users", "/groups"):
        answer = fresh.request("GET", path)
        if answer.status in (302, 303):
            answer = fresh.request("GET", answer.headers["location"])
        assert "setup-link" in answer.text, path


def test_a_new_link_while_it_runs(new_appliance):
    fresh = new_appliance().start()
    made = fresh.command("setup-link")
    assert made.returncode == 0, made.stderr
    link = setup_path(made.stdout)
    assert link != setup_path(fresh.output)
    assert fresh.request("GET", link).status == 200


def test_every_link_leads_there_where_it_listens_on_every_address(new_appliance):
    port = free_port()
    fresh = new_appliance(port=port, flags=("--listen", f"0.0.0.0:{port}")).start()
    printed = LINK.findall(fresh.output)
    links = LINK.findall(fresh.command("setup-link").stdout)
    assert [urlsplit(link).netloc for link in links] == [urlsplit(link).netloc for link in printed]
    assert links[-1].startswith(f"http://127.0.0.1:{port}/") and len(links) == len(set(links))
    for link in (*printed, *links):
        with urlopen(link) as page:
            assert b'type="password"' in page.read(), link


def test_the_link_stands_in_a_file_until_there_is_an_operator(new_appliance):
    for way in ("page", "command"):
        fresh = new_appliance(way).start()
        file = fresh.data / "recnice.setup-link"
        assert file.read_text() in fresh.output and LINK.fullmatch(file.read_text().strip())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        printed = fresh.command("setup-link").stdout
        assert file.read_text() == printed
        if way == "page":
            set_up(fresh)
        else:
            given = ("--user-name", "eva", "--password-stdin")
            assert fresh.command("admin", "create", *given, typed="a blue kettle sings\n").returncode == 0
        assert not file.exists()


def test_the_data_folder_is_for_its_owner_alone(new_appliance):
    appliance = new_appliance().start()
    assert stat.S_IMODE(appliance.data.stat().st_mode) == 0o700
    for path in appliance.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_no_key_no_scim(new_appliance):
    fresh = new_appliance().start()
    for headers in (None, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}):
        answer = fresh.request("GET", "/scim/Users", headers=headers)
        assert (answer.status, answer.headers["www-authenticate"].split()[0]) == (401, "Bearer")
        assert answer.json["status"] == "401"
