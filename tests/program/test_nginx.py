"""The documentation's nginx configuration, run as it stands there, in front of a running appliance over real TLS."""

import http.client
import json
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Answer, Appliance, free_port, wait_until
from tests.needed import program_of

PAGE = ROOT / "docs" / "operate" / "reverse-proxy.md"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass
class Proxied:
    """An appliance behind nginx. `request` goes to nginx, under its own name and certificate."""

    appliance: Appliance
    port: int
    path: str
    certificate: Path
    log: Path

    @property
    def public_url(self) -> str:
        return f"https://localhost:{self.port}{self.path}"

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        trust = ssl.create_default_context(cafile=str(self.certificate))
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=trust)
        sent = {"Authorization": f"Bearer {self.appliance.key}", "Content-Type": "application/scim+json"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        try:
            connection.request(method, self.path + path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read().decode())
        finally:
            connection.close()


def documented(path: str, port: int, upstream: int, folder: Path) -> str:
    """The documentation's text with this machine's port, names and files; everything else is as it stands there."""
    found = re.findall(r"^```nginx\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, "the page has one configuration"
    text: str = found[0]
    for there, here in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name scim.example.com;": "server_name localhost;",
        "server 127.0.0.1:7644;": f"server 127.0.0.1:{upstream};",
        "/etc/ssl/recnice/fullchain.pem": str(folder / "certificate.pem"),
        "/etc/ssl/recnice/privkey.pem": str(folder / "key.pem"),
        "/var/log/nginx/recnice.log": str(folder / "access.log"),
        "location / {": f"location {path}/ {{",
    }.items():
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    return text


@pytest.fixture(scope="module", params=["", "/recnice"], ids=["root", "sub-path"])
def proxied(
    request: pytest.FixtureRequest, program: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    """nginx with the documentation's configuration, and the settings that the same page gives."""
    nginx_program, openssl = program_of("nginx"), program_of("openssl")
    folder, port, path = tmp_path_factory.mktemp("nginx"), free_port(), request.param
    make_certificate(openssl, folder)
    appliance = Appliance(program, folder / "recnice")
    appliance.data.mkdir(mode=0o700)
    (appliance.data / "recnice.toml").write_text(
        f'public_url = "https://localhost:{port}{path}"\ntrusted_proxy = ["127.0.0.1"]\n', "utf-8"
    )
    (folder / "nginx.conf").write_text(around(folder, documented(path, port, appliance.port, folder)), "utf-8")
    started = Proxied(appliance, port, path, folder / "certificate.pem", folder / "access.log")
    command = [nginx_program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with (folder / "output").open("wb") as output:
        nginx = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        appliance.start()
        appliance.make_key()
        wait_until(lambda: nginx.poll() is not None or answers(started), "nginx answers")
        assert nginx.poll() is None, (folder / "output").read_text()
        yield started
        assert appliance.stop() == 0, appliance.output
    finally:
        nginx.terminate()
        nginx.wait(20)
        if appliance.process and appliance.process.poll() is None:
            appliance.kill()


def make_certificate(openssl: str, folder: Path) -> None:
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([openssl, *words.split(), *files], check=True, capture_output=True)


def around(folder: Path, server: str) -> str:
    """What /etc/nginx/nginx.conf has around a file of conf.d, with everything in one folder."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(
        [
            "user root;" if os.geteuid() == 0 else "",
            "daemon off;",
            f"pid {folder}/pid;",
            "events {}",
            "http {",
            *(f"{kind}_temp_path {folder}/{kind};" for kind in kinds),
            server,
            "}",
        ]
    )


def answers(proxied: Proxied) -> bool:
    try:
        return proxied.request("GET", "/scim/ServiceProviderConfig").status == 200
    except OSError:
        return False


def assert_scim_error(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/scim+json"
    assert (answer.json["schemas"], answer.json["status"]) == ([ERROR], str(status))


def test_entras_conversation_passes_and_locations_are_public(proxied: Proxied) -> None:
    made = proxied.request("POST", "/scim/Users", {"userName": "ada@example.com"}, Host="localhost")
    assert made.status == 201, made
    location = f"{proxied.public_url}/scim/Users/{made.json['id']}"
    assert made.headers["location"] == location == made.json["meta"]["location"]

    user = f"/scim/Users/{made.json['id']}"
    change = {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    changed = proxied.request("PATCH", user, change)
    assert (changed.status, changed.json["active"]) == (200, False)
    found = proxied.request("GET", "/scim/Users?filter=userName%20eq%20%22ada@example.com%22")
    assert [one["meta"]["location"] for one in found.json["Resources"]] == [location]
    assert proxied.request("DELETE", user).status == 204
    assert_scim_error(proxied.request("GET", user), 404)


def test_what_a_client_says_about_itself_changes_nothing(proxied: Proxied) -> None:
    made = proxied.request(
        "POST",
        "/scim/Users",
        {"userName": "eve@example.com"},
        X_Forwarded_For="198.51.100.7",
        X_Forwarded_Host="evil.test",
        X_Forwarded_Proto="http",
        Forwarded="for=198.51.100.7;host=evil.test",
        X_Real_IP="198.51.100.7",
    )
    assert made.headers["location"].startswith(proxied.public_url) and "evil.test" not in made.text
    listed = proxied.appliance.command("key", "list").stdout
    assert "127.0.0.1" in listed and "198.51.100.7" not in listed, "the address is the one that nginx saw"
    assert "are ignored" not in proxied.appliance.output, "a trusted proxy is not complained about"


def test_errors_stay_scims(proxied: Proxied) -> None:
    assert_scim_error(proxied.request("GET", "/scim/Users", Authorization="Bearer wrong"), 401)
    assert_scim_error(proxied.request("POST", "/scim/Users", {"userName": 7}), 400)
    assert_scim_error(proxied.request("POST", "/scim/Users", {"userName": "x" * 2_200_000}), 413)
    assert_scim_error(proxied.request("GET", "/scim/Nowhere"), 404)


def test_while_the_appliance_is_stopped_entra_is_told_to_come_again(proxied: Proxied) -> None:
    assert proxied.appliance.stop() == 0
    try:
        answer = proxied.request("GET", "/scim/Users")
    finally:
        proxied.appliance.start()
    assert_scim_error(answer, 503)
    assert answer.headers["retry-after"] == "10"


def test_the_console_works_behind_it_with_its_own_paths(proxied: Proxied) -> None:
    typed = ("admin", "create", "--user-name", "grace", "--password-stdin")
    assert proxied.appliance.command(*typed, typed="a long and unusual sentence\n").returncode == 0
    page = proxied.request("GET", "/")
    while page.status in (302, 303):
        assert page.headers["location"].startswith(proxied.path + "/"), "it stays below the public URL's path"
        page = proxied.request("GET", page.headers["location"].removeprefix(proxied.path))
    assert "text/html" in page.headers["content-type"]
    assert "max-age" in page.headers["strict-transport-security"]
    links = re.findall(r'(?:href|src|action)="(/[^"#]*)[#"]', page.text)
    assert links and all(link.startswith(proxied.path + "/") for link in links), links
    for link in links:
        assert proxied.request("GET", link.removeprefix(proxied.path)).status < 400, link


def test_nginx_logs_no_query_string(proxied: Proxied) -> None:
    proxied.request("GET", "/scim/Users?filter=userName%20eq%20%22looked-for@example.com%22")
    wait_until(lambda: "/scim/Users" in proxied.log.read_text("utf-8"), "the request is logged")
    assert "looked-for" not in proxied.log.read_text("utf-8")
    assert "looked-for" not in proxied.appliance.output


def test_doctor_has_nothing_to_change(proxied: Proxied) -> None:
    ran = proxied.appliance.command("doctor", "--only", "public-url", "--json")
    (result,) = json.loads(ran.stdout)
    found = [one["name"] for one in result["findings"]]
    assert found == ["certificate-refused"], "no authority of this machine signed it"
