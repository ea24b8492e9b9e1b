"""What a start imports before the first SCIM answer, and first requests of several threads at once."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app.web import console
from app.web.console import pages
from tests.conftest import ROOT, Appliance, free_port

NOT_NEEDED = {
    *(
        "alembic",
        "argon2",
        "authlib",
        "cryptography",
        "flask_sqlalchemy",
        "joserfc",
        "markdown_it",
        "pyotp",
        "requests",
    ),
    *("rich", "segno", "sqlalchemy.orm", "app.simulation.story", "app.web.console.pages"),
}
"""What no answer to a SCIM request uses. The console imports its part of it at the first request for a page."""

NEVER_NEEDED = {"alembic", "app.store.integrity_check", "flask_sqlalchemy", "sqlalchemy.orm"}
"""What no page imports either, until an owner asks for a support bundle or a restore."""

SERVE = """
import http.client, json, os, signal, sys, threading
from app import cli

folder, port, key = sys.argv[1:]

def ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if path.startswith("/scim") else {})
    answer = connection.getresponse()
    answer.read()
    return path, answer.status

def visit():
    while True:
        try:
            first = ask("/scim/Users")
            break
        except ConnectionRefusedError:
            pass
    modules = sorted(sys.modules)
    answers, start = [], threading.Barrier(8)
    def meet(path):
        start.wait()
        answers.append(ask(path))
    paths = ["/login", "/scim/Users", "/help", "/nowhere", "/documentation", "/scim/Groups", "/login", "/scim/Schemas"]
    threads = [threading.Thread(target=meet, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {"first": first, "modules": modules, "answers": sorted(answers), "later": sorted(sys.modules)}
    print(json.dumps(seen), file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=visit, daemon=True).start()
sys.exit(cli.main(["serve", "--data", folder, "--listen", f"127.0.0.1:{port}"]))
"""


def test_first_requests_of_console_and_scim_at_once(with_key: Appliance, tmp_path: Path):
    shutil.copytree(with_key.data, folder := tmp_path / "recnice")
    words = [sys.executable, "-c", SERVE, str(folder), str(free_port()), with_key.key]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    seen = json.loads(next(line for line in done.stderr.splitlines() if line.startswith('{"first"')))
    assert seen["first"] == ["/scim/Users", 200]
    assert NOT_NEEDED & set(seen["modules"]) == set()
    assert "app.web.console.pages" in seen["later"] and NEVER_NEEDED & set(seen["later"]) == set()
    assert seen["answers"] == [
        ["/documentation", 200],
        ["/help", 403],
        ["/login", 403],
        ["/login", 403],
        ["/nowhere", 404],
        ["/scim/Groups", 200],
        ["/scim/Schemas", 200],
        ["/scim/Users", 200],
    ]


def test_no_page_opens_a_file_for_its_template(app: Flask):
    console.load_pages(app)
    pages.load_templates(app)
    client = app.test_client()
    assert client.get("/readyz").status_code == 200  # the database is open from now on
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken = [os.dup(2) for _ in range(used)]  # the free ones between those in use
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 1, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.dup(2))
        for name in ("status.html", "account.html"):
            app.jinja_env.get_template(name)
        assert client.get("/login").status_code == 403
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
