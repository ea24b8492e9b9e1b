"""What a killed or failed start leaves is removed by the next one."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Appliance
from tests.faults.conftest import small_disk


@pytest.mark.executable
@pytest.mark.skipif(not os.environ.get("RECNICE_PROGRAM"), reason="only the executable unpacks itself")
def test_what_was_unpacked_onto_a_full_disk_is_removed(new_appliance: Callable[..., Appliance], tmp_path: Path) -> None:
    with small_disk(tmp_path / "unpacked", "8m") as folder:
        appliance = new_appliance(environment={"TMPDIR": str(folder)})
        assert appliance.command("version").returncode != 0
        left_over = set(folder.iterdir())
        subprocess.run(["mount", "-o", "remount,size=200m", str(folder)], check=True)
        appliance.start()
        assert not left_over & set(folder.iterdir())
        assert appliance.stop() == 0
        assert not list(folder.iterdir())


def test_a_copy_that_was_interrupted_is_removed(appliance: Appliance) -> None:
    assert appliance.stop() == 0
    partial = appliance.data / "pre-upgrade-0001-20260101T000000Z.partial"
    partial.touch()
    appliance.start()
    assert not partial.exists()
    assert appliance.stop() == 0
