"""This module declares every metric: the one place to add one.

Labels have fixed values: no person, path, address or id. `job` and `instance` are Prometheus' own.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MetricType:
    """The declaration of a metric. The text format adds `_total` to counters."""

    name: str
    form: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


INFO = MetricType("recnice_info", "gauge", "1, with the version as a label.", ("version",))
READY = MetricType("recnice_ready", "gauge", "1 while changes can be stored (/readyz), else 0.")
REQUESTS = MetricType(
    "recnice_requests", "counter", "SCIM requests and operations of bulk requests.", ("action", "outcome")
)
UNRECORDED = MetricType(
    "recnice_requests_unrecorded", "counter", "Requests that were not recorded, and count nowhere else.", ("reason",)
)
DURATION = MetricType(
    "recnice_request_duration_seconds", "histogram", "Time from a complete request to its answer.", ("action",)
)
QUEUE = MetricType("recnice_queue_length", "gauge", "Requests that wait for a thread or for the log.", ("queue",))
LAST_SYNC = MetricType(
    "recnice_last_sync_timestamp_seconds", "gauge", "When Entra last sent a request with a valid key; 0 for never."
)
PROBLEMS = MetricType("recnice_problems", "gauge", "Open problems.", ("kind",))
PROBLEMS_BY_SEVERITY = MetricType(
    "recnice_problems_by_severity", "gauge", "Open problems, from still-active to partly-synced.", ("severity",)
)
EXPOSED = MetricType(
    "recnice_refused_removals", "gauge", "Users who should be disabled or leave a group, and still have access."
)
USERS = MetricType("recnice_users", "gauge", "Users.", ("state",))
GROUPS = MetricType("recnice_groups", "gauge", "Groups.")
LAST_BACKUP = MetricType(
    "recnice_last_backup_timestamp_seconds", "gauge", "When the newest verified backup was made; 0 for none."
)
TRANSACTIONS = MetricType("recnice_write_transactions", "counter", "Write transactions of the directory database.")
DATABASE_BYTES = MetricType("recnice_database_bytes", "gauge", "Size of a database with its WAL.", ("database",))
WAL_BYTES = MetricType("recnice_wal_bytes", "gauge", "Size of a write-ahead log.", ("database",))
DISK_FREE = MetricType("recnice_disk_free_bytes", "gauge", "Free space on the disk of the data folder.")
DISK_SIZE = MetricType("recnice_disk_size_bytes", "gauge", "Size of the disk of the data folder.")
JOB_FAILED = MetricType(
    "recnice_job_failed", "gauge", "1 if the last run of a background job failed, else 0.", ("name",)
)

METRICS = tuple(value for value in globals().values() if isinstance(value, MetricType))
