"""The program: `python recnice_scim.py`, and the executable `recnice-scim` that is built from it."""

import sys

from app import process

if __name__ == "__main__":
    process.tie_to_launcher()
    from app.cli import main

    sys.exit(main())
