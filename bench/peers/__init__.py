"""This package runs other SCIM servers for comparison. `make bench-peers` installs them, in build/peers only."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.driver import Server
from bench.entra import ENTRA, Form
from bench.servers import BUILD, KEY, ROOT, bearer, free_port, running

HERE = Path(__file__).parent
INSTALLED = ROOT / "build" / "peers"
PYTHON = INSTALLED / "venv" / "bin" / "python"
NODE = INSTALLED / "node_modules" / "node" / "bin" / "node"
THREADS = "16"


@dataclass(frozen=True)
class Peer:
    """A peer. Its adapter is called with port, key, folder and number of threads."""

    name: str
    program: Path
    adapter: str
    base: str
    form: Form = ENTRA

    @property
    def is_installed(self) -> bool:
        return self.program.exists()

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Run the peer on an empty folder."""
        port = free_port()
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            words = [str(self.program), str(HERE / self.adapter), str(port), KEY, folder, THREADS]
            with running(words, port, cwd=INSTALLED) as pid:
                yield Server(self.name, port, pid, bearer(KEY), self.base)


_NO_REMOVAL_BY_VALUE = Form(removes_by_filter=True)
_NO_TEXT_FOR_BOOLEANS = Form(role={"primary": True, "value": "Editor"}, disabled=False)  # nor the type of Entra's role
PEERS = (
    Peer("scim2-server", PYTHON, "scim2_server_peer.py", "/v2", _NO_REMOVAL_BY_VALUE),  # in memory
    Peer("scim2-flask", PYTHON, "scim2_flask_peer.py", "/scim/v2", _NO_REMOVAL_BY_VALUE),  # in memory
    Peer("django-scim2", PYTHON, "django_scim2_peer.py", "/scim/v2", Form(disabled=False)),  # SQLite, FULL
    Peer("scimmy-sqlite", NODE, "scimmy_peer.mjs", "/scim", _NO_TEXT_FOR_BOOLEANS),  # SQLite, FULL
)
