"""The service under a systemd of its own: installed, killed, upgraded, not upgradable, removed.

systemd runs in namespaces, on a writable layer over this machine's files, so nothing of the machine changes.
See also: tests/process/test_service.py (the files, without systemd).
"""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.needed import need

pytestmark = pytest.mark.skipif(
    not {"RECNICE_FAULTS", "RECNICE_PROGRAM"} <= os.environ.keys(), reason="make faults runs it, with the executable"
)

SYSTEMD = Path("/lib/systemd/systemd")
LIMIT_S = 240
BOOT = """
mount --make-rprivate /
layers={scratch}
mount -t tmpfs tmpfs "$layers"
mkdir "$layers"/above "$layers"/work "$layers"/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/above,workdir=$layers/work" "$layers/root"
cd "$layers/root"
mount -t proc proc proc
mount -t sysfs sysfs sys || mount --rbind /sys sys
for folder in sys/fs/cgroup run dev tmp; do mount -t tmpfs tmpfs "$folder"; done
mkdir sys/fs/cgroup/systemd dev/pts dev/shm
ln -s pts/ptmx dev/ptmx
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
for device in null zero full random urandom tty; do touch "dev/$device"; mount --bind "/dev/$device" "dev/$device"; done
rm -rf etc/systemd/system
mkdir -p etc/systemd/system opt/steps usr/local/bin
touch opt/recnice-scim
mount --bind {program} opt/recnice-scim
mount --bind {steps} opt/steps
cp opt/steps/*.service opt/steps/*.target etc/systemd/system
ip link set lo up
exec env -i container=x /usr/sbin/chroot . {systemd} --system --unit=steps.target
"""
UNITS = {
    "steps.target": "[Unit]\nRequires=basic.target\nWants=steps.service\n",
    "steps.service": "[Unit]\nSuccessAction=exit-force\n"
    "FailureAction=exit-force\n[Service]\nType=oneshot\nExecStart=/usr/bin/python3 /opt/steps/steps.py\n",
}
STEPS = """
import json, subprocess
with open("/opt/steps/steps.json") as file:
    steps = json.load(file)
with open("/opt/steps/done.json", "w") as file:
    for step in steps:
        words = ["timeout", "60", "bash", "-c", step]
        done = subprocess.run(words, cwd="/opt/steps", capture_output=True, text=True)
        file.write(json.dumps([done.returncode, done.stdout, done.stderr]) + "\\n")
        file.flush()
"""
LATER = (
    'from sqlite3 import connect; database = connect("/var/lib/recnice/recnice.sqlite3"); '
    'database.execute("UPDATE alembic_version SET version_num = 9999"); database.commit()'
)
"""It lets the database be one that only a later version can use."""


class Done(NamedTuple):
    """What became of one command line."""

    status: int
    output: str
    error: str


def run_under_systemd(folder: Path, steps: list[str]) -> list[Done]:
    """Run command lines in the folder as root of a machine with systemd; skip the test where none can be started."""
    need(SYSTEMD.exists(), "systemd")
    for name, text in {**UNITS, "steps.py": STEPS, "steps.json": json.dumps(steps)}.items():
        (folder / name).write_text(text)
    scratch = folder / "scratch"
    scratch.mkdir()
    paths = {"scratch": scratch, "steps": folder, "systemd": SYSTEMD}
    paths["program"] = Path(os.environ["RECNICE_PROGRAM"]).resolve()
    boot = "set -eu\n" + BOOT.format(**{name: shlex.quote(str(path)) for name, path in paths.items()})
    namespaces = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
    booted = subprocess.run(
        ["unshare", *namespaces, "bash", "-c", boot], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    done = folder / "done.json"
    if not done.exists():
        pytest.skip(f"no systemd can be started here: {booted.stderr}")
    return [Done(*json.loads(line)) for line in done.read_text().splitlines()]


def write_executables(folder: Path) -> None:
    """Write executables besides the real one: one works, one fails the check, three pass it and do not serve."""
    cases = {
        "better": "# better\n",
        "refusing": "echo 'recnice-scim: this is too old' >&2; exit 78\n",
        "failing": "case $1 in serve) echo 'recnice-scim: it does not serve' >&2; exit 78;; esac\n",
        "silent": "case $1 in serve) exit 3;; esac\n",
        "later": f"case $1 in serve) /usr/bin/python3 -c '{LATER}'; echo 'recnice-scim: no' >&2; exit 78;; esac\n",
    }
    for name, text in cases.items():
        (folder / name).write_text(f'#!/bin/bash\n{text}exec /opt/recnice-scim "$@"\n')
        (folder / name).chmod(0o755)


def test_the_life_of_a_service(tmp_path: Path) -> None:
    write_executables(tmp_path)
    as_account = "runuser -u recnice --"
    steps = {
        "none": "cp /opt/recnice-scim good; ./good service status",
        "refused": "./good service install --listen 127.0.0.1:1 --data /srv/scim/data",
        "stopped": "recnice-scim service status; stat -c '%U %a' /srv/scim /srv/scim/data",
        "install": "./good service install --public-url https://scim.example.com",
        "running": "recnice-scim service status",
        "owners": "stat -c '%U %a' /var/lib/recnice /var/lib/recnice/recnice.lock /usr/local/bin/recnice-scim",
        "enabled": "systemctl is-enabled recnice-scim",
        "key": f"{as_account} recnice-scim key create --data /var/lib/recnice",
        "killed": "systemctl kill --signal KILL recnice-scim; sleep 0.5; recnice-scim service status",
        "again": f"until {as_account} recnice-scim status --data /var/lib/recnice; do sleep 0.2; done",
        "too-old": "recnice-scim service upgrade ./refusing",
        "upgrade": "recnice-scim service upgrade ./better",
        "kept": "cmp /usr/local/bin/recnice-scim ./better && cmp /usr/local/bin/recnice-scim.previous ./good",
        "failing": "recnice-scim service upgrade ./failing",
        "silent": "recnice-scim service upgrade ./silent",
        "former": "cmp /usr/local/bin/recnice-scim ./better && recnice-scim service status",
        "later": "recnice-scim service upgrade ./later",
        "new": "cmp /usr/local/bin/recnice-scim ./later || exit 9; recnice-scim service status",
        "uninstall": "recnice-scim service uninstall; ./good service status",
        "own": "./good service install --data /srv/own; recnice-scim service uninstall",
        "data": "stat -c %U /var/lib/recnice/recnice.sqlite3; ls /usr/local/bin /etc/systemd/system",
    }
    results = run_under_systemd(tmp_path, list(steps.values()))
    done = dict(zip(steps, results, strict=True))
    assert done["none"][:2] == (78, "not installed\n")
    assert (done["refused"].status, done["refused"].error) == (
        1,
        "recnice-scim: installed, but not ready: listen: 127.0.0.1 port 1: Permission denied\n",
    )
    assert done["stopped"].output == "stopped\nroot 755\nrecnice 700\n"
    assert done["install"].status == 0, done["install"]
    assert re.fullmatch(
        r"running: https://scim\.example\.com\nCreate the first administrator here \(valid once, for one hour\):\n"
        r"https://scim\.example\.com/setup\?code=\S+\n",
        done["install"].output,
    )
    assert done["running"][:2] == (0, "running\n")
    assert done["owners"].output.splitlines() == ["recnice 700", "recnice 600", "root 755"]
    assert done["enabled"].output == "enabled\n"
    assert done["key"].status == 0
    assert done["killed"][:2] == (75, "restarting after a failed start\n")
    assert done["again"].output == "ready at http://127.0.0.1:7644\n"
    assert (done["too-old"].status, done["too-old"].error) == (
        78,
        "recnice-scim: the executable was not replaced: this is too old\n",
    )
    assert done["upgrade"].status == 0 and done["upgrade"].output.splitlines()[-2:] == [
        "running: https://scim.example.com",
        "former executable: /usr/local/bin/recnice-scim.previous",
    ]
    assert done["kept"].status == 0, done["kept"]
    assert (done["failing"].status, done["failing"].error) == (
        1,
        "recnice-scim: it does not serve; the former executable runs again\n",
    )
    assert (done["silent"].status, done["silent"].error) == (
        1,
        "recnice-scim: it ended with status 3 (see journalctl --unit recnice-scim); the former executable runs again\n",
    )
    assert done["former"][:2] == (0, "running\n")
    assert (done["later"].status, done["later"].error) == (
        1,
        "recnice-scim: no; the new executable stays, since the former one, /usr/local/bin/recnice-scim.previous, does "
        "not become ready either\n",
    )
    assert done["new"][:2] == (75, "stopped\n")
    assert done["uninstall"].output == "kept: data folder /var/lib/recnice, account recnice\nnot installed\n"
    assert done["own"].output.splitlines()[-1] == "kept: data folder /srv/own, account recnice"
    assert done["own"].error == "", "an executable that removed its own file"
    assert done["data"].output.splitlines()[0] == "recnice"
    assert "recnice-scim" not in done["data"].output.partition("\n")[2]
