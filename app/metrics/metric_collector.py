"""This module reads the values of all metrics when Prometheus asks for them, at most every few seconds."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app import bounds
from app.administration import directory_totals, disk_usage
from app.administration.readiness import Readiness
from app.backup import copies
from app.jobs import scheduler
from app.metrics import metric_list
from app.metrics.metric_list import MetricType
from app.observation.cycles import sync_health
from app.observation.problem_kinds.kind_catalog import KINDS
from app.observation.problems import problem_list, refused_removals
from app.observation.problems.severity import Severity
from app.observation.request_recorder import DROPPED, UNAUTHENTICATED, Recorder
from app.scim.errors import ScimError
from app.settings import Settings
from app.store.database import directory_database
from app.throttle import Throttle
from app.version import VERSION

Sample = tuple[tuple[str, ...], float]
"""The values of the labels, and the value."""

REASONS = {DROPPED: "no-room", UNAUTHENTICATED: "unauthenticated"}
"""The reasons why a request is not recorded, by their names in the request log."""
FAMILIES: Mapping[str, type[CounterMetricFamily | GaugeMetricFamily]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


@dataclass(eq=False)  # a registry keeps its collectors in a dict
class MetricCollector(Collector):
    """The values of one running server. `context` gives an application context; `queues` the lengths by name."""

    context: Callable[[], AbstractContextManager[object]]
    settings: Settings
    recorder: Recorder
    readiness: Readiness
    queues: Callable[[], Mapping[str, int]]
    _known: list[Metric] = field(default_factory=list)
    _throttle: Throttle = field(default_factory=Throttle)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: a registry would read all values to know their names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if self._throttle.take(bounds.METRICS_EVERY_S):
                with self.context():
                    self._known = list(self._read())
            return self._known

    def _read(self) -> Iterator[Metric]:
        """Yield every metric that can be read now: one of a database that cannot be used is absent."""
        for read in (self._server, self._requests, self._files, self._directory, self._log, self._jobs):
            with suppress(ScimError, OSError):
                yield from read()

    def _server(self) -> Iterator[Metric]:
        yield _family(metric_list.INFO, [((VERSION,), 1)])
        yield _family(metric_list.READY, [((), not self.readiness.refusal())])
        lengths = {**self.queues(), "request-log": self.recorder.waiting}
        yield _family(metric_list.QUEUE, [((name,), length) for name, length in lengths.items()])
        yield _family(metric_list.TRANSACTIONS, [((), directory_database.file.transactions)])

    def _requests(self) -> Iterator[Metric]:
        totals = self.recorder.totals.read()
        yield _family(metric_list.REQUESTS, list(totals.requests.items()))
        yield _family(metric_list.UNRECORDED, [((name,), totals.unrecorded[key]) for key, name in REASONS.items()])
        durations = metric_list.DURATION
        family = HistogramMetricFamily(durations.name, durations.help, labels=durations.labels)
        for action, counts in totals.durations.items():
            names = [*map(str, bounds.DURATIONS_S), "+Inf"]
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric((action,), buckets, totals.seconds[action])
        yield family

    def _files(self) -> Iterator[Metric]:
        storage = disk_usage.storage(self.settings.database, self.settings.requests_database)
        yield _family(metric_list.DISK_FREE, [((), storage.free_bytes)])
        yield _family(metric_list.DISK_SIZE, [((), storage.total_bytes)])
        sizes = {"directory": storage.database_bytes, "requests": storage.log_bytes}
        yield _family(metric_list.DATABASE_BYTES, [((name,), size) for name, size in sizes.items()])
        files = {"directory": self.settings.database, "requests": self.settings.requests_database}
        wal = [((name,), float(disk_usage.wal_bytes(path))) for name, path in files.items()]
        yield _family(metric_list.WAL_BYTES, wal)
        newest = copies.newest(self.settings)
        yield _family(metric_list.LAST_BACKUP, [((), _seconds(newest.made if newest else ""))])

    def _directory(self) -> Iterator[Metric]:
        overview = directory_totals.overview()
        states = {"active": overview.active_users, "disabled": overview.users - overview.active_users}
        yield _family(metric_list.USERS, [((state,), count) for state, count in states.items()])
        yield _family(metric_list.GROUPS, [((), overview.groups)])
        contact = overview.last_contact.at if overview.last_contact else ""
        with suppress(ScimError):  # the request log, which is exact where the key's row is not
            contact = sync_health.current(contact)[0].last_request
        yield _family(metric_list.LAST_SYNC, [((), _seconds(contact))])

    def _log(self) -> Iterator[Metric]:
        by_severity, by_kind = problem_list.count_open()
        yield _family(metric_list.PROBLEMS, [((kind.name,), by_kind[kind.name]) for kind in KINDS])
        severities = [((one.value_name,), by_severity[one]) for one in Severity]
        yield _family(metric_list.PROBLEMS_BY_SEVERITY, severities)
        yield _family(metric_list.EXPOSED, [((), refused_removals.standing().total)])

    def _jobs(self) -> Iterator[Metric]:
        outcomes = scheduler.current().outcomes()
        yield _family(metric_list.JOB_FAILED, [((one.name,), one.failure is not None) for one in outcomes])


def _seconds(moment: str) -> float:
    """Return a time in wire form as seconds since 1970; 0 for ""."""
    return datetime.fromisoformat(moment).timestamp() if moment else 0


def _family(type_: MetricType, samples: Iterable[Sample]) -> Metric:
    family = FAMILIES[type_.form](type_.name, type_.help, labels=type_.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
