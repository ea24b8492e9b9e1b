"""The program with a clock that runs ahead: `shifted_clock.py FILE serve …`; FILE has the seconds to add.

For pictures of an appliance that has lived for days. Not a part of the program.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the program with a clock that a file shifts."""
    sys.path.insert(0, str(ROOT))
    from app import bounds, clock, process, throttle
    from app.cli import main as program

    shift = Path(sys.argv.pop(1))
    present = clock.utc_now

    def told() -> datetime:
        return present() + timedelta(seconds=float(shift.read_text()))

    steady_s = throttle.steady_s

    def steady_told() -> float:
        return steady_s() + float(shift.read_text())

    clock.utc_now = told
    throttle.steady_s = steady_told
    bounds.KEY_USE_NOTED_S = 0  # a minute of the machine's own is not waited for
    process.tie_to_launcher()
    return program()


if __name__ == "__main__":
    sys.exit(main())
