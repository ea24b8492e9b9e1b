"""An appliance whose clock the test turns: the real program, through scripts/told_clock.py."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, Appliance


@dataclass
class Told:
    """The appliance, and by how many seconds its clocks are ahead of this machine's."""

    appliance: Appliance
    shift: Path
    ahead_s: float = 0.0

    def pass_time(self, seconds: float) -> None:
        self.ahead_s += seconds
        written = self.shift.with_suffix(".new")
        written.write_text(str(self.ahead_s))
        written.replace(self.shift)


def told(new_appliance: Callable[..., Appliance], folder: Path) -> Told:
    """One that is running, with the time of this machine; `new_appliance` is the fixture."""
    shift = folder / "shift"
    shift.write_text("0")
    appliance = new_appliance()
    appliance.program = [sys.executable, str(ROOT / "scripts" / "told_clock.py"), str(shift)]
    return Told(appliance.start(), shift)
