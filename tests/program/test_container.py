"""The image of a release: its Containerfile from source, and its commands by the executable in an empty root folder."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import url_of
from tests.conftest import ROOT, Appliance, run, start, wait_until

LINES = re.findall(r"(?m)^([A-Z]+) (.+)$", (ROOT / "scripts/Containerfile").read_text("utf-8"))
DATA = "/var/lib/recnice"
C_LIBRARY = ("dl", "m", "pthread", "resolv", "rt", "util")  # the parts besides libc itself
ACCOUNT = "10001:10001"


def value_of(instruction: str) -> str:
    (value,) = (value for name, value in LINES if name == instruction)
    return value


def words_of(instruction: str) -> list[str]:
    words: list[str] = json.loads(value_of(instruction).rpartition("CMD ")[2])
    return words


def environment(data: str, port: int) -> dict[str, str]:
    """The variables of the image, with another folder and port."""
    variables = dict(pair.split("=", 1) for pair in value_of("ENV").split())
    assert variables == {"RECNICE_DATA": DATA, "RECNICE_LISTEN": "0.0.0.0:7644"}
    return {"RECNICE_DATA": data, "RECNICE_LISTEN": f"127.0.0.1:{port}"}


def test_the_image_is_not_root_and_runs_no_shell() -> None:
    assert value_of("USER") == ACCOUNT and json.loads(value_of("VOLUME")) == [DATA] and value_of("EXPOSE") == "7644"
    assert words_of("ENTRYPOINT") == ["recnice-scim"] and words_of("HEALTHCHECK")[0] == "recnice-scim"
    for name, value in LINES:
        assert name != "ADD" and (name != "RUN" or json.loads(value)[0] == "install"), name
    assert url_of(("0.0.0.0", 7644)) == "http://127.0.0.1:7644", "the health check finds the server"


def test_its_commands_find_the_data(new_appliance: Callable[..., Appliance]) -> None:
    made = new_appliance()
    variables = environment(str(made.data), made.port)
    made.process = start([*made.program, *words_of("CMD")], Path(os.devnull), made.log, made.log, variables)

    def is_healthy() -> bool:
        return run(made.program, *words_of("HEALTHCHECK")[1:], environment=variables).returncode == 0

    wait_until(is_healthy, "the health check succeeds")
    assert run(made.program, "key", "create", environment=variables).returncode == 0
    assert made.stop() == 0 and not is_healthy()


@pytest.mark.executable
@pytest.mark.skipif(not os.environ.get("RECNICE_PROGRAM"), reason="only the executable needs nothing else")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the root folder")
def test_the_executable_needs_no_shell(program: list[str], new_appliance: Callable[..., Appliance]) -> None:
    made = new_appliance()
    root = made.data.with_name("root")
    for folder in ("usr/local/bin", "tmp", "dev"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy(program[0], root / "usr/local/bin/recnice-scim")
    data = root / DATA.removeprefix("/")
    data.mkdir(parents=True, mode=0o700)
    os.chown(data, *map(int, ACCOUNT.split(":")))
    listed = subprocess.run(["ldd", program[0]], capture_output=True, text=True, check=True).stdout
    libraries = {Path(path) for path in re.findall(r"(/\S+)", listed)}
    (folder,) = {path.parent for path in libraries if path.name.startswith("libc.")}
    for library in libraries.union(*(folder.glob(f"lib{name}.so.*") for name in C_LIBRARY)):
        place = root / library.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    variables = {**environment(DATA, made.port), "TMPDIR": "/tmp"}
    inside = ["chroot", f"--userspec={ACCOUNT}", str(root), "/usr/local/bin/recnice-scim"]
    made.process = start([*inside, *words_of("CMD")], Path(os.devnull), made.log, made.log, variables)

    def is_healthy() -> bool:
        assert made.process is not None and made.process.poll() is None, made.output
        return run(inside, *words_of("HEALTHCHECK")[1:], environment=variables).returncode == 0

    wait_until(is_healthy, "the health check succeeds")
    assert made.stop() == 0
