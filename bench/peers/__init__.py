"""This package runs other SCIM servers for comparison. `make bench-peers` installs them, in build/peers only."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.driver import Server
from bench.entra import Form
from bench.servers import BUILD, KEY, ROOT, THREADS, bearer, free_port, running

HERE = Path(__file__).parent
INSTALLED = ROOT / "build" / "peers"
PYTHON = INSTALLED / "venv" / "bin" / "python"
NODE = INSTALLED / "node_modules" / "node" / "bin" / "node"


@dataclass(frozen=True)
class Peer:
    """A peer. `words`: its adapter, which is called with port, key, folder and number of threads."""

    name: str
    program: Path
    words: tuple[str, ...]
    base: str
    form: Form = field(default_factory=Form)

    @property
    def is_installed(self) -> bool:
        return self.program.exists()

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Run the peer on an empty folder."""
        port, adapter = free_port(), str(HERE / self.words[0])
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            words = [str(self.program), adapter, *self.words[1:], str(port), KEY, folder, THREADS]
            with running(words, port, cwd=INSTALLED) as pid:
                yield Server(port, pid, bearer(KEY), self.base)


_FILTER = Form(removes_by_filter=True)
_BOOLEANS = Form({"primary": True, "value": "Editor"}, disabled=False)  # nor does it accept the type of Entra's role
PEERS = (
    Peer("scim2-server", PYTHON, ("scim2_peer.py", "server"), "/v2", _FILTER),  # in memory
    Peer("scim2-flask", PYTHON, ("scim2_peer.py", "flask"), "/scim/v2", _FILTER),  # in memory
    Peer("django-scim2", PYTHON, ("django_scim2_peer.py",), "/scim/v2", Form(disabled=False)),  # SQLite, FULL
    Peer("scimmy-sqlite", NODE, ("scimmy_peer.mjs",), "/scim", _BOOLEANS),  # SQLite, FULL
)
