"""The pictures in docs/pictures, taken of a running appliance in real Chromium: `make pictures`.

It starts the appliance on a temporary folder, walks through the first run, and photographs what README and docs show.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1080, "height": 860}
PASSWORD = "an honest long password"
# As behind a reverse proxy; Chromium keeps secure cookies on this machine's own address also without TLS.
PUBLIC_URL = "https://scim.example.com"


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        command = [sys.executable, str(ROOT / "recnice_scim.py"), "serve", "--data", folder, "--listen", address]
        command += ["--public-url", PUBLIC_URL]
        appliance = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert appliance.stdout is not None
            link = next(line.strip() for line in appliance.stdout if line.startswith(PUBLIC_URL + "/setup?code="))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"),
                    args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
                )
                take(browser.new_page(viewport=SIZE, locale="en-GB"), link.removeprefix(PUBLIC_URL), f"http://{address}")
                browser.close()
        finally:
            appliance.terminate()
            appliance.wait()


def take(page: Page, link: str, address: str) -> None:
    """First run up to the moment in which the key is shown."""
    page.goto(address + link)
    page.get_by_label("User name").fill("eva")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main button").first.click()
    page.goto(address + "/account")
    page.get_by_role("button", name=re.compile("Make .*key")).click()
    page.screenshot(path=PICTURES / "account.png")


if __name__ == "__main__":
    main()
