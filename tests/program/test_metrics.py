"""Metrics: Prometheus reads them at an address of their own, and they name nobody."""

import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from app import bounds, bundled_files
from app.metrics import metrics_server
from app.metrics.metric_list import METRICS
from app.metrics.metrics_server import MetricsServer
from app.observation.problem_kinds.kind_catalog import KINDS
from tests.conftest import FORKED, Answer, Appliance, free_port, wait_until, with_values

PAGE = (bundled_files.OPERATE / "metrics.md").read_text("utf-8")
PERSON = "grace.hopper@example.com"
Values = Mapping[tuple[str, ...], float]


@pytest.fixture(scope="module")
def measured(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A server with metrics, whose log is text; from source, it counts all the time."""
    environment = {
        "RECNICE_METRICS_LISTEN": str(free_port()),
        "RECNICE_LOG_FORMAT": "text",
        "RECNICE_LOG_LEVEL": "info",
    }
    if program[0] == FORKED:
        program = with_values(bounds__METRICS_EVERY_S=0)
    made = Appliance(program, tmp_path_factory.mktemp("metrics") / "recnice", environment=environment).start()
    made.make_key()
    yield made
    assert made.stop() == 0, made.output


def ask(appliance: Appliance, path: str = "/metrics", method: str = "GET", accept: str = "*/*") -> Answer:
    connection = HTTPConnection("127.0.0.1", int(appliance.environment["RECNICE_METRICS_LISTEN"]), timeout=30)
    with closing(connection):
        connection.request(method, path, headers={"Accept": accept})
        response = connection.getresponse()
        return Answer(response.status, {}, response.read().decode())


def values(appliance: Appliance) -> dict[str, Values]:
    """The values by name of the sample and by the values of its labels."""
    answer = ask(appliance)
    assert answer.status == 200, answer
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


REQUESTS = (("create", "ok"), ("create", "refused"), ("unknown", "refused"))


def test_requests_are_counted_and_nobody_is_named(measured: Appliance) -> None:
    before = values(measured)
    made = measured.request("POST", "/scim/Users", {"userName": PERSON, "displayName": "Hopper", "active": False})
    assert made.status == 201
    assert measured.request("POST", "/scim/Users", {"userName": PERSON}).status == 409
    assert measured.request("GET", "/scim/Users", headers={"Authorization": "Bearer wrong"}).status == 401

    def counted() -> dict[str, Values] | None:
        now = values(measured)
        requests = (increase(now, "recnice_requests_total", *one) for one in REQUESTS)
        problems = (now["recnice_problems"][kind,] for kind in ("user-name-taken", "key-wrong"))
        return now if all(requests) and all(problems) else None

    def increase(now: dict[str, Values], name: str, *labels: str) -> float:
        return now.get(name, {}).get(labels, 0) - before.get(name, {}).get(labels, 0)

    after = wait_until(counted, "the requests and two problems are counted")
    more = partial(increase, after)

    assert more("recnice_requests_total", "create", "ok") == more("recnice_requests_total", "create", "refused") == 1
    assert more("recnice_requests_total", "unknown", "refused") >= 1  # and what asks whether the server has started
    assert more("recnice_request_duration_seconds_count", "create") == 2
    buckets = [
        count for (action, _), count in after["recnice_request_duration_seconds_bucket"].items() if action == "create"
    ]
    assert (
        buckets == sorted(buckets) and buckets[-1] == 2 and after["recnice_request_duration_seconds_sum"]["create",] > 0
    )
    assert more("recnice_users", "disabled") == 1 and more("recnice_users", "active") == 0
    assert more("recnice_problems", "user-name-taken") == more("recnice_problems", "key-wrong") == 1
    assert {kind for (kind,) in after["recnice_problems"]} == {kind.name for kind in KINDS}
    assert more("recnice_write_transactions_total") >= 1
    assert after["recnice_ready"][()] == 1 and after["recnice_last_sync_timestamp_seconds"][()] > 1.7e9
    assert after["recnice_wal_bytes"]["directory",] > 0 and after["recnice_disk_free_bytes"][()] > 0
    assert set(after["recnice_queue_length"]) == {("reading",), ("writing",), ("request-log",)}
    text = ask(measured).text
    for secret in (PERSON, "hopper", made.json["id"], measured.key, measured.key[:13], str(measured.data), "127.0.0.1"):
        assert secret.lower() not in text.lower(), secret


def test_every_metric_is_declared_and_served(measured: Appliance) -> None:
    measured.request("GET", "/scim/Users")
    wait_until(lambda: values(measured)["recnice_requests_total"], "counted")
    served = {family.name: family for family in text_string_to_metric_families(ask(measured).text)}
    assert set(served) == {one.name for one in METRICS}
    for one in METRICS:
        assert (served[one.name].type, served[one.name].documentation) == (one.form, one.help)


def test_the_newest_verified_backup_has_its_time(measured: Appliance) -> None:
    assert values(measured)["recnice_last_backup_timestamp_seconds"][()] == 0
    before = time.time()
    assert measured.command("backup").returncode == 0
    assert before - 1 <= values(measured)["recnice_last_backup_timestamp_seconds"][()] <= time.time()


@pytest.mark.executable
def test_only_metrics_are_there_and_only_there(measured: Appliance) -> None:
    assert measured.request("GET", "/metrics").status in (303, 404), "not below the public URL"
    assert [ask(measured, path).status for path in ("/", "/scim/Users", "/readyz", "/metrics/x")] == [404] * 4
    assert ask(measured, method="POST").status == 405
    for form in ("text/plain", "application/openmetrics-text"):
        assert [ask(measured, accept=f"{form}; version={text}").status for text in ("1.0.0", "new")] == [200, 200]
    port = int(measured.environment["RECNICE_METRICS_LISTEN"])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as rude:
        rude.sendall(b"\x16\x03\x01\r\n\r\n")
        rude.recv(1_000)
    assert ask(measured).status == 200


class Nothing(Collector):
    def collect(self) -> Iterable[Metric]:
        return ()


def test_a_client_that_drips_is_cut_and_a_stop_does_not_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", None)  # a look-up of names may delay the start
    server = MetricsServer(("127.0.0.1", 0), Nothing())
    server.start()
    monkeypatch.setattr(bounds, "METRICS_WAIT_S", 0.1)
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as slow:

        def is_cut() -> bool:
            try:
                slow.sendall(b"G")
            except OSError:
                return True
            return False

        wait_until(is_cut, "a request that never ends is cut")
    monkeypatch.setattr(bounds, "METRICS_WAIT_S", 600)
    monkeypatch.setattr(metrics_server, "_cut", cut := Mock(wraps=metrics_server._cut))
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as slow:
        slow.sendall(b"G")
        wait_until(lambda: server._server._connection and server._server._connection.fileno() > 0, "it is served")
        server.stop()
        assert slow.recv(1_000) == b"" and cut.called


def test_the_log_is_text(measured: Appliance) -> None:
    line = re.compile(
        r"^\d{4}-\d\d-\d\dT\S+Z info recnice\.serve: serving metrics at http://127\.0\.0\.1:\d+/metrics$", re.M
    )
    assert line.search(measured.output), measured.output
    assert '{"time"' not in measured.output


def test_a_port_in_use_ends_the_start(new_appliance: Callable[..., Appliance]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made = new_appliance(flags=("--metrics-listen", str(taken.getsockname()[1])))
        assert made.launch().wait(60) == 75
    assert made.output.splitlines()[-1].startswith("recnice-scim: metrics_listen: 127.0.0.1 port ")


def test_the_rules_of_the_page_name_metrics_that_exist() -> None:
    documents = [
        yaml.safe_load(re.sub(r"(?m)^   ", "", text)) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    ]
    scrape, rules = documents
    assert scrape["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9644"]
    parts = ("_bucket", "_sum", "_count")
    known = {one.name + "_total" if one.form == "counter" else one.name: one for one in METRICS}
    known |= {one.name + part: one for one in METRICS if one.form == "histogram" for part in parts}
    every: list[dict[str, Any]] = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(every) >= 8 and len({rule["alert"] for rule in every}) == len(every)
    for rule in every:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["expr"].count("(") == rule["expr"].count(")")
        names = set(re.findall(r"\brecnice_\w+", rule["expr"]))
        assert names <= known.keys() and (names or rule["expr"].startswith("up{")), rule
        for name, label in re.findall(r"(recnice_\w+)\{(\w+)=", rule["expr"]):
            assert label in known[name].labels, rule
