"""This module lists all resources page by page, as Entra's account discovery does."""

from app import bounds
from app.simulation import expectations
from app.simulation.provisioning_job import PEOPLE, Job, Made

FEWEST = 11  # the minimum of the gallery's test
SMALLEST_PAGE, LARGEST_PAGE, PAGES_WANTED = 5, 100, 10


def walk(job: Job, endpoint: str) -> None:
    """Check that every page names its start, no resource occurs twice, and every one that this job created is listed.

    On a service with very many resources the walk ends before the last page. If other clients create or delete at the
    same time, the pages may not fit together. In both cases the whole list is not checked.
    """
    for _ in range(FEWEST - len(present(job, endpoint))):
        job.provision(job.directory.newcomer() if endpoint == PEOPLE else job.directory.new_group())
    answer = job.send("GET", endpoint, "paging", {"startIndex": 1, "count": 0})
    expectations.listed(answer)
    total = _number(answer.document.get("totalResults"))
    page = min(LARGEST_PAGE, max(SMALLEST_PAGE, total // PAGES_WANTED))
    seen: list[str] = []
    start, totals = 1, {total}
    for _ in range(bounds.SIMULATED_PAGES):
        answer = job.send("GET", endpoint, "paging", {"startIndex": start, "count": page})
        resources = expectations.listed(answer, start)
        answer.check(len(resources) <= page, f"at most {page} resources", len(resources))
        totals.add(_number(answer.document.get("totalResults")))
        seen += [str(one.get("id")) for one in resources]
        start += len(resources)
        if not resources or start > total:
            break
    else:
        return
    if job.alone:
        answer.check(len(totals) == 1, f"totalResults {total} on every page", sorted(totals))
    if len(totals) > 1:
        return
    answer.check(len(seen) == total, f"{total} resources on all pages", len(seen))
    ids = set(seen)
    answer.check(len(ids) == len(seen), "nobody on two pages", f"{len(seen) - len(ids)} twice")
    lost = [made.name for made in present(job, endpoint) if made.id not in ids]
    answer.check(not lost, "everybody that was created", f"without {lost}")
    past_the_end = job.send("GET", endpoint, "paging", {"startIndex": total + 1, "count": page})
    past_the_end.check(not expectations.listed(past_the_end, total + 1), "nobody after the last", past_the_end.text)


def present(job: Job, endpoint: str) -> list[Made]:
    """Return what this job created there and has not deleted."""
    return [made for made in job.made if made.endpoint == endpoint and made.id and not made.deleted]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
