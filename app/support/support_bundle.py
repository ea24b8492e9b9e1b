"""This module makes the support bundle, a ZIP of JSON files.

Nothing goes into it that is not named here. What names a person, an address, a key or a path is a pseudonym.
"""

import io
import json
import platform
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from app import bounds, clock
from app.administration import audit, disk_usage
from app.administration.audit import Action, Actor
from app.observation.problems import problem_list
from app.observation.problems.problem_list import Problem, ProblemFilter
from app.request_record import Request
from app.scim.errors import ScimError
from app.scim.resource_types import RESOURCE_TYPES, ResourceType
from app.settings import OPTIONS, Settings
from app.store import integrity_check
from app.store.database import directory_database, sqlite_driver
from app.store.directory import job_rows
from app.store.request_log import log_database, request_rows
from app.store.request_log.request_rows import RequestFilter
from app.support.log_outline import LogOutline
from app.support.pseudonyms import Pseudonyms
from app.version import VERSION

_PLAIN_SETTINGS = ("log_format", "log_level", "time_zone")
"""The settings with a text of a few fixed words; numbers and switches are plain too."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
_README = """A support bundle of Recnice SCIM.

Words such as user-6f1c09a2b3d4 are pseudonyms. The same word is the same user, group, IP address, key or text in every
bundle of this data folder. What it is cannot be found out without the folder.
"""


class SupportBundle:
    """The bundle of one data folder. Needs an application context. `secret`: the secret of the folder."""

    def __init__(self, settings: Settings, types: Sequence[ResourceType], secret: bytes) -> None:
        self._settings = settings
        self._types = types
        self._pseudonyms = Pseudonyms(secret)
        self._paths = {attribute.path for one in RESOURCE_TYPES for attribute in one.tree.walk()}

    def to_zip(self, by: Actor, *, has_check: bool) -> bytes:
        """Return the ZIP, and record that in the audit.

        `has_check`: also check the whole database, which takes a while in a large folder. What cannot be read is
        replaced by the reason, since a bundle is needed most when something is damaged.
        """
        parts: dict[str, Callable[[], Any]] = {
            "versions.json": self._versions,
            "settings.json": self._settings_outline,
            "sizes.json": self._sizes,
            "counts.json": self._counts,
            "jobs.json": self._jobs,
            "problems.json": self._problems,
            "requests.json": self._requests,
            "log.json": self._log,
        }
        if has_check:
            parts["check.json"] = self._check
        members: dict[str, Any] = {}
        for name, read in parts.items():
            try:
                members[name] = read()
            except (ScimError, OSError) as error:
                members[name] = {"failed": error.code.name if isinstance(error, ScimError) else type(error).__name__}
        with suppress(ScimError), directory_database.writing() as connection:
            audit.record(connection, by, Action.SUPPORT_BUNDLE)
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", _README)
            for name, content in members.items():
                archive.writestr(name, json.dumps(content, indent=1) + "\n")
        return made.getvalue()

    def _versions(self) -> Mapping[str, str]:
        return {
            "recnice-scim": VERSION,
            "python": platform.python_version(),
            "sqlite": sqlite_driver.sqlite_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "made": clock.to_wire(clock.utc_now()),
        }

    def _settings_outline(self) -> Sequence[Mapping[str, str]]:
        values = {one.name: getattr(self._settings, one.name) for one in OPTIONS}
        return [
            {
                "name": name,
                "value": text
                if name in _PLAIN_SETTINGS or isinstance(values[name], int) or not values[name]
                else self._pseudonyms.of(name, text),
                "origin": origin,
            }
            for name, text, origin in self._settings.rows()
        ]

    def _sizes(self) -> Mapping[str, int]:
        storage = disk_usage.storage(self._settings.database, self._settings.requests_database)
        names = ("free_bytes", "total_bytes", "database_bytes", "log_bytes", "wal_bytes")
        return {name: getattr(storage, name) for name in names}

    def _counts(self) -> Mapping[str, Mapping[str, int]]:
        counts: dict[str, Mapping[str, int]] = {}
        for name, reading in (("directory", directory_database.reading), ("requests", log_database.reading)):
            with reading() as connection:
                tables = connection.exec_driver_sql(_TABLES)
                counts[name] = {
                    table: connection.exec_driver_sql(f'SELECT count(*) FROM "{table}"').scalar_one()
                    for table in tables.scalars().all()
                }
        return counts

    def _jobs(self) -> Sequence[Mapping[str, Any]]:
        with directory_database.reading() as connection:
            rows = job_rows.scheduled(connection)
        return [
            {"name": name, "ran": row.ran, "failure": self._pseudonyms.of("text", row.failure or "")}
            for name, row in rows.items()
        ]

    def _problems(self) -> Sequence[Mapping[str, Any]]:
        problems = problem_list.every(ProblemFilter("open"))[: bounds.SUPPORT_PROBLEMS]
        return [self._problem(one) for one in problems]

    def _problem(self, one: Problem) -> Mapping[str, Any]:
        return {
            "kind": one.kind.name,
            **self._subject(one),
            **{name: getattr(one, name) for name in ("status", "first", "last", "count", "number", "ignored")},
        }

    def _requests(self) -> Sequence[Mapping[str, Any]]:
        requests: list[Request] = []
        with log_database.reading() as connection:
            while len(requests) < bounds.SUPPORT_REQUESTS:
                criteria = RequestFilter(is_simulated=None)
                portion = request_rows.page(
                    connection, criteria, requests[-1].id if requests else None, bounds.LOG_PAGE_SIZE
                )
                requests += portion
                if not portion:
                    break
        return [self._request(one) for one in requests[: bounds.SUPPORT_REQUESTS]]

    def _request(self, one: Request) -> Mapping[str, Any]:
        names = ("number", "at", "status", "duration_ms", "code", "key_fault", "dialect", "action", "cycle_id")
        return {**self._subject(one), **{name: getattr(one, name) for name in names}}

    def _subject(self, one: Request | Problem) -> Mapping[str, str]:
        """Return what a request or a problem is about; the client may have sent any text in its place."""
        kind = one.resource_type.lower() if one.resource_type in {type.name for type in RESOURCE_TYPES} else "resource"
        return {
            "method": one.method if one.method in _METHODS else self._pseudonyms.of("method", one.method),
            "path": one.path if one.path in self._kinds_of_paths() else self._pseudonyms.of("path", one.path),
            "scimType": one.scim_type if one.scim_type.isalpha() else "",
            "attribute": one.attribute
            if one.attribute in self._paths
            else self._pseudonyms.of("attribute", one.attribute),
            "resource": self._pseudonyms.of(kind, one.resource_id) or self._pseudonyms.of("name", one.resource_name),
            "other": self._pseudonyms.of(kind, one.other_id),
            "address": self._pseudonyms.of("address", one.address),
            "key": self._pseudonyms.of("key", one.key_id),
        }

    def _kinds_of_paths(self) -> set[str]:
        """Return the kinds of paths that hold no text of a client (app/request_record.py)."""
        endpoints = [one.endpoint.removeprefix("/") for one in RESOURCE_TYPES]
        of_types = {endpoint + end for endpoint in endpoints for end in ("", "/{id}", "/.search")}
        return of_types | {"Schemas", "ResourceTypes", "ServiceProviderConfig", "Bulk", "unknown", "outside", "token"}

    def _log(self) -> Mapping[str, Any]:
        file: Path | None = self._settings.log_file
        if file is None:
            return {"note": "The log goes to standard error. Set log_file to have it here.", "events": []}
        return {"events": LogOutline(self._pseudonyms).lines(file)}

    def _check(self) -> Mapping[str, Any]:
        """Return how many findings there are; their sentences can name users. Run `recnice-scim check` to read them."""
        with directory_database.reading() as connection:
            findings = integrity_check.check(connection, self._types, "")
            warnings = integrity_check.warnings(connection)
        return {"problems": len(findings), "warnings": len(warnings)}
