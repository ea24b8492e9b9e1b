"""An appliance whose clock the test turns: the real program, through scripts/shifted_clock.py."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import FORKED, ROOT, Appliance, wait_until


@dataclass
class ShiftedAppliance:
    """The appliance, and by how many seconds its clocks are ahead of this machine's."""

    appliance: Appliance
    shift: Path
    ahead_s: float = 0.0

    def pass_time(self, seconds: float) -> None:
        self.ahead_s += seconds
        written = self.shift.with_suffix(".new")
        written.write_text(str(self.ahead_s))
        written.replace(self.shift)

    def use(self, key: str) -> None:
        """Show the key until that is noted, which is left for the next time where somebody else is writing."""
        before = self._noted(key)

        def is_noted() -> bool:
            answer = self.appliance.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {key}"})
            assert answer.status == 200, answer.text
            return self._noted(key) != before

        wait_until(is_noted, "the use of the key is noted")

    def _noted(self, key: str) -> str | None:
        """When the last use was, as it is written."""
        with closing(sqlite3.connect(self.appliance.data / "recnice.sqlite3", timeout=30)) as connection:
            query = "SELECT last_used FROM scim_key WHERE prefix = ?"
            [(last_used,)] = connection.execute(query, (key[:13],)).fetchall()
        return last_used


def start_shifted(new_appliance: Callable[..., Appliance], folder: Path) -> ShiftedAppliance:
    """One that is running, with the time of this machine; `new_appliance` is the fixture."""
    shift = folder / "shift"
    shift.write_text("0")
    appliance = new_appliance()
    appliance.program = [FORKED, str(ROOT / "scripts" / "shifted_clock.py"), str(shift)]
    return ShiftedAppliance(appliance.start(), shift)
