"""An authenticator app, as a phone has it; pyotp computes the codes."""

import pyotp

from app import clock

STEP_S = 30
MARGIN_S = 3


class Authenticator:
    """Gives codes that the appliance takes now, no two of the same 30 seconds. Two are there at any time."""

    def __init__(self, secret: str) -> None:
        self._app = pyotp.HOTP(secret.replace(" ", ""))
        self._used = 0

    def code(self) -> str:
        now_s = clock.utc_now().timestamp()
        step = int(now_s) // STEP_S
        # The code before the present one is about to be taken no more when the present one is about to change.
        first = step if STEP_S - now_s % STEP_S < MARGIN_S else step - 1
        self._used = max(self._used + 1, first)
        assert self._used <= step + 1, "too many codes at once"
        return self._app.at(self._used)

    def code_of(self, steps: int) -> str:
        """The code of so many steps from now; for a clock that stands."""
        return self._app.at(int(clock.utc_now().timestamp()) // STEP_S + steps)

    def wrong(self) -> str:
        """Six digits that are no code around now."""
        near = {self.code_of(steps) for steps in range(-3, 4)}
        return next(text for text in ("000000", "111111", *map(str, range(222222, 222232))) if text not in near)
