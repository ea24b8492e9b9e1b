"""`recnice-scim simulate` as an administrator uses it: on its own, against a running appliance, and what is none."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.conftest import COMMAND_LIMIT_S, free_port, run, start, wait_until

SMALL = ("--people", "3", "--groups", "1")


@pytest.fixture
def temporary(tmp_path):
    """An empty folder for temporary files, and the environment that names it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder, {"TMPDIR": str(folder)}


def left_in(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith("recnice-")]


@pytest.mark.executable
def test_on_its_own_everything_holds_and_nothing_stays(program, temporary):
    folder, environment = temporary
    done = run(
        program, "simulate", *SMALL, "--seed", "1", environment={**environment, "RECNICE_PUBLIC_URL": "http://x"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for stage in ("Test Connection", "Initial cycle: people", "Disable and restore, compliant", "Cleaning up"):
        assert f"\n{stage}  " in done.stdout
        assert f"{stage}: " in done.stderr  # on a pipe, a line for each stage
    assert "checks held" in done.stdout
    assert "--seed 1\n" in done.stdout
    assert not left_in(folder)


def test_against_a_running_appliance_it_says_what_it_does_and_deletes_it(appliance):
    where = f"{appliance.url}/scim/?aadOptscim062020"
    words = ("simulate", *SMALL, "--dialect", "compliant", "--base", where, "--key", "-")
    done = run(appliance.program, *words, "--json", typed=appliance.key + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["failed"], report["failures"], report["stopped"]) == (0, [], None)
    assert report["requests"] == sum(stage["requests"] for stage in report["stages"]) > 10
    assert {"stage", "checks", "failed", "median_ms", "worst_ms"} < set(report["stages"][0])
    assert "creates 3 users, 1 groups" in done.stderr
    assert "begin with rehearsal-" in done.stderr
    assert "default" not in done.stdout
    assert appliance.key not in done.stdout + done.stderr
    for path in ("/scim/Users", "/scim/Groups"):
        assert appliance.request("GET", path).json["totalResults"] == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_interrupted_it_deletes_what_it_made(appliance, temporary):
    words = ["simulate", "--people", "2000", "--base", f"{appliance.url}/scim/", "--key", appliance.key]
    errors = temporary[0] / "errors"
    process = start([*appliance.program, *words], Path(os.devnull), Path(os.devnull), errors, {})
    wait_until(lambda: appliance.request("GET", "/scim/Users?count=0").json["totalResults"] > 20, "some people")
    process.send_signal(signal.SIGINT)
    assert process.wait(COMMAND_LIMIT_S) == 1, errors.read_text()
    assert errors.read_text().endswith("stopped\n")
    assert appliance.request("GET", "/scim/Users").json["totalResults"] == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to be caught")
def test_ended_it_takes_its_own_appliance_with_it(program, temporary):
    folder, environment = temporary
    errors, nowhere = folder / "errors", Path(os.devnull)
    process = start([*program, "simulate", "--people", "2000"], nowhere, nowhere, errors, environment)
    output = wait_until(lambda: next(folder.glob("recnice-*/output"), None), "its appliance")
    wait_until(lambda: "Tenant URL" in output.read_text(), "its appliance listens")
    process.send_signal(signal.SIGTERM)
    assert process.wait(COMMAND_LIMIT_S) == 1, errors.read_text()
    assert not left_in(folder)


def test_what_is_no_scim_service_fails(program):
    class Elsewhere(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):  # noqa: N802
            body = b"<html>Sign in</html>"
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            done = run(
                program, "simulate", *SMALL, "--base", f"http://127.0.0.1:{server.server_port}/scim", "--key", "x"
            )
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 1
    assert "Test Connection | probe | GET /Users?filter=userName eq" in done.stdout
    assert "| expected status 200 | received status 404: <html>Sign in</html>" in done.stdout


def test_where_nobody_listens_it_is_worth_another_try(program):
    done = run(program, "simulate", "--base", f"http://127.0.0.1:{free_port()}/scim/", "--key", "x")
    assert done.returncode == 75
    assert "refused" in done.stderr.lower()
    assert done.stdout == ""
