"""This module names the background jobs that write, or try, backups."""

NIGHTLY = "nightly-backup"
TITLES = {
    NIGHTLY: "Nightly backup",
    "recent-backup": "Backup after changes",
    "manual-backup": "Backup on request",
    "drill": "Restore drill",
}
"""The titles of the jobs, by their names."""
