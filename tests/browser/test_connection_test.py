"""The page Connection test in Chromium, whose requests go through a real reverse proxy."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import open_session
from tests.browser.survey import objections
from tests.conftest import Appliance, free_port, wait_until
from tests.connection_test.test_proxies import PROXIES, Place, nginx_server
from tests.needed import program_of
from tests.web.visitor import set_up


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_the_browser_finds_what_the_proxy_refuses(
    page: Page, new_appliance: Callable[..., Appliance], tmp_path: Path
) -> None:
    port, nginx = free_port(), PROXIES["nginx"]
    url = f"http://127.0.0.1:{port}"
    appliance = new_appliance(flags=("--public-url", url, "--trusted-proxy", "127.0.0.1"))

    def proxy(lines: str) -> subprocess.Popen[bytes]:
        server = nginx_server(Place(port, f"127.0.0.1:{appliance.port}", tmp_path), lines, False)
        (tmp_path / "nginx.conf").write_text(nginx.frame(tmp_path, server))
        return subprocess.Popen([program_of("nginx"), *nginx.words(tmp_path)], stderr=subprocess.DEVNULL)

    process = proxy('if ($request_method = PATCH) { return 405; } proxy_set_header Authorization "";')
    try:
        appliance.start()
        set_up(appliance)
        open_session(page, appliance)
        page.goto(f"{appliance.url}/connection-test")
        main = page.locator("main")
        expect(main).to_contain_text("Open this page at the public URL first")
        expect(page.get_by_role("button", name="Test the connection")).to_be_hidden()

        page.goto(f"{url}/account")
        page.get_by_role("link", name="Test the connection").click()
        page.get_by_role("button", name="Test the connection").click()
        expect(main).to_contain_text("2 findings")
        expect(main).to_contain_text("method-refused: PATCH: expected 200 from this server, got 405")
        expect(main).to_contain_text("authorization-missing")
        assert objections(page) == []

        process.terminate()
        process.wait(20)
        process = proxy("")
        wait_until(lambda: is_open(port), "nginx listens again")
        page.get_by_role("button", name="Test again").click()
        expect(main).to_contain_text("Everything arrives.")
        assert appliance.stop() == 0
    finally:
        process.terminate()
        process.wait(20)
