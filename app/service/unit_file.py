"""This module declares the files that make the server a service of systemd: its unit and its account.

See also: docs/operate/systemd.md (shows the unit), docs/decisions/0079-the-service-installs-itself.md (why).
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from app.settings import ENVIRONMENT, FLAG, OPTIONS, Settings, as_text

NAME = "recnice-scim"
ACCOUNT = "recnice"
DATA = Path("/var/lib/recnice")
EXECUTABLE = Path("/usr/local/bin/recnice-scim")
UNIT = """\
[Unit]
Description=Recnice SCIM
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User={account}
ExecStart={command}
Restart=on-failure
RestartPreventExitStatus=2 78
RestartSec=5

# TERM finishes the accepted requests (25 seconds at most). The main process is the launcher, which passes it on.
KillMode=mixed
TimeoutStopSec=40

{folders}
UMask=0077
LimitNOFILE=4096

# The executable unpacks itself into a temporary folder, and runs from there: about 40 MB.
PrivateTmp=yes

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
_STATE = Path("/var/lib")
_NOT_QUOTED = re.compile(r"[\w@+=:,./-]+", re.ASCII)


class Service(NamedTuple):
    """What an installed unit says: the account that the server runs under, and its data folder."""

    account: str
    data: Path


def unit(settings: Settings, account: str = ACCOUNT) -> str:
    """Return the unit that serves with the settings that were set by flags and environment variables."""
    words = [str(EXECUTABLE), "serve", "--data", str(settings.data)]
    for option in OPTIONS:
        if option.name != "data" and settings.origins.get(option.name) in (FLAG, ENVIRONMENT):
            value = getattr(settings, option.name)
            if option.metavar:
                words += [word for one in (value if option.many else [value]) for word in (option.flag, as_text(one))]
            else:
                words.append(option.flag if value else f"--no-{option.flag[2:]}")
    outside = [settings.backup_folder, settings.log_file and settings.log_file.parent]
    writable = [folder for folder in outside if folder and not folder.is_relative_to(settings.data)]
    if is_made_by_systemd(settings.data):
        folders = [f"StateDirectory={_quote(str(settings.data.relative_to(_STATE)))}", "StateDirectoryMode=0700"]
    else:
        folders, writable = [], [settings.data, *writable]
    folders += [f"ReadWritePaths={_quote(str(folder))}" for folder in writable]
    command = " ".join(_quote(word).replace("$", "$$") for word in words)
    return UNIT.format(account=account, command=command, folders="\n".join(folders))


def is_made_by_systemd(folder: Path) -> bool:
    """Return whether systemd creates a data folder for the account, as it does below /var/lib."""
    return _STATE in folder.parents


def account_file(account: str) -> str:
    """Return the line of sysusers.d that creates the account."""
    return f'u {account} - "Recnice SCIM" {DATA}\n'


def read(text: str) -> Service:
    """Return what a unit says, also one that an administrator has written. Raises ValueError."""
    values = dict(re.findall(r"^(User|ExecStart)=(.+)$", text, re.MULTILINE))
    words = shlex.split(values.get("ExecStart", "").replace("%%", "%").replace("$$", "$").replace("--data=", "--data "))
    folders = [Path(folder) for word, folder in zip(words, words[1:], strict=False) if word == "--data"]
    if not all(folder.is_absolute() for folder in folders):
        raise ValueError("expected --data with an absolute path")
    return Service(values.get("User", ACCOUNT), folders[0] if folders else DATA)


def _quote(word: str) -> str:
    """Return a word as a unit file has it (systemd.syntax(7))."""
    word = word.replace("%", "%%")
    if _NOT_QUOTED.fullmatch(word):
        return word
    escaped = word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
