"""Completion as shells ask for it: the scripts in those shells that are installed, and the answers of the program."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from app.commands.completion import SHELLS

ROOT = Path(__file__).parents[2]
CHECKS = {
    "bash": ["bash", "-n"],
    "zsh": ["zsh", "-n"],
    "fish": ["fish", "--no-execute"],
    "powershell": ["pwsh", "-NoProfile", "-File"],
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert cli.main(["completion", shell]) == 0
    script = tmp_path / "script.ps1"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    assert "recnice-scim" in script.read_text(encoding="utf-8")
    if shutil.which(CHECKS[shell][0]):
        subprocess.run([*CHECKS[shell], str(script)], check=True, timeout=30)


def test_bash_completes_the_commands_of_a_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "bash"]) == 0
    program = tmp_path / "recnice-scim"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(ROOT / "recnice_scim.py")])} "$@"\n')
    program.chmod(0o700)
    asking = (
        '\nCOMP_WORDS=(recnice-scim key "") COMP_CWORD=2\n_recnice_scim_completion recnice-scim\necho "${COMPREPLY[*]}"'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = capsys.readouterr().out + asking
    ran = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (ran.stdout.split(), ran.stderr) == (["create", "list", "revoke"], "")


@pytest.mark.parametrize(
    ("words", "word", "completions"),
    [
        ((), "ke", ["key"]),
        (("backup",), "", ["create", "list", "prune", "verify"]),
        (("completion",), "", list(SHELLS)),
        (("admin", "set-role", "--role"), "own", ["owner"]),
        (("key", "list"), "--j", ["--json"]),
        (("serve",), "--publ", ["--public-url"]),
        (("nothing",), "z", []),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "powershell"])
def test_the_words_that_may_follow(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    word: str,
    completions: list[str],
    shell: str,
) -> None:
    line = ("recnice-scim", *words)
    monkeypatch.setenv("_RECNICE_SCIM_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORD", word)
    monkeypatch.setenv("COMP_WORDS", "\n".join(line if shell == "powershell" else (*line, word)))
    monkeypatch.setenv("COMP_CWORD", str(len(line)))
    with pytest.raises(SystemExit):
        cli.main([])
    printed = capsys.readouterr().out.split()
    assert sorted(text.removeprefix("plain,") for text in printed) == sorted(completions)
