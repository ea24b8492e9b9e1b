"""This module deletes everything that the simulation created.

Each name is read before it is deleted: a resource whose name does not begin with the run's own word is not changed.
"""

import time
from urllib.parse import quote

from app import bounds
from app.simulation import expectations
from app.simulation.provisioning_job import Job, Made, equals


def clean(job: Job, made: Made) -> None:
    """Delete one resource by its id or, if no answer contained a valid id, whatever is found under its name."""
    if made.id and _delete(job, made, made.id):
        made.deleted = True
        return
    end = time.monotonic() + (0 if made.answered else bounds.SIMULATED_SETTLING_S)
    while not (ids := _ids_of(job, made)) and time.monotonic() < end:
        time.sleep(0.1)
    made.deleted = all([_delete(job, made, one) for one in ids])


def _delete(job: Job, made: Made, one: str) -> bool:
    """Delete one id; return whether it no longer exists."""
    path = f"{made.endpoint}/{quote(one, safe='')}"
    answer = job.send("GET", path, made.name, {"attributes": made.matching})
    if answer.status == 404:
        return True
    run = job.directory.run
    is_own = str(answer.document.get(made.matching)).lower().startswith(run)
    is_deletable = answer.check(is_own, f"a name that begins with {run}", answer.text)
    return is_deletable and expectations.accepted(job.send("DELETE", path, made.name), 204)


def _ids_of(job: Job, made: Made) -> list[str]:
    answer = job.send("GET", made.endpoint, made.name, {"filter": equals(made.matching, made.name)})
    return [str(one.get("id")) for one in expectations.listed(answer)]
