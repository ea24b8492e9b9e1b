"""This module has one function for each subcommand; each returns its values and tables."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from bench import entra, servers
from bench.driver import Figures, Phase, Phases, Request, Server, memory_mib, run
from bench.goals import Value, number

WARM_UP = 16  # users of an unmeasured run before, so that no phase pays for the first statements and connections
HELLO = 1_500
DIRECTORY_BYTES = servers.storage


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    program: Sequence[str]
    rounds: int
    connections: int
    users: int
    sizes: Sequence[int]
    members: int
    delay_ms: float
    groups: int


@dataclass
class Result:
    """Values by their keys, tables by their titles (the first row is the heading), and what went wrong."""

    values: dict[str, Value] = field(default_factory=dict)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    bad: int = 0

    def add(self, key: str, values: Sequence[float], note: str = "") -> None:
        spread = {"low": min(values), "high": max(values)} if len(values) > 1 else {}
        self.values[key] = {"value": median(values), "note": note, **spread}

    def judge(self, figures: Iterable[Figures]) -> None:
        """Count errors and wrong answers of the program's own runs."""
        for one in figures:
            self.bad += one.errors + one.wrong
            self.failures += one.failures


Round = dict[str, Figures]


def hello(requests: int = HELLO) -> Phases:
    yield Phase(servers.BARE_ROUTE, [Request("GET", "/hello")] * requests)


def bare_figures(connections: int) -> Figures:
    with servers.bare_route() as server:
        run(server, hello(WARM_UP * 10), connections)
        return run(server, hello(), connections)[servers.BARE_ROUTE]


def measure(server: Server, phases: Callable[[str], Phases], connections: int) -> Round:
    """Run phases once unmeasured and once measured. `phases` takes the tag of the names."""
    folder = server.folder
    return run(server, phases("m"), connections, partial(servers.stored_bytes, folder) if folder else lambda: 0)


def warmed(server: Server, users: int, form: entra.Form, connections: int) -> Round:
    run(server, entra.phases(WARM_UP, "w", form), connections)
    return measure(server, lambda tag: entra.phases(users, tag, form), connections)


def middle(rounds: Sequence[Round], phase: str, of: Callable[[Figures], float]) -> float:
    return median(of(one[phase]) for one in rounds)


def shares(result: Result, bare: Sequence[Figures], rounds: Sequence[Round], phases: Iterable[str], key: str) -> None:
    """Store the share of each phase, by processor time and by rate."""
    for phase in phases:
        by_cpu = [of.cpu_us / one[phase].cpu_us for of, one in zip(bare, rounds, strict=True)]
        by_rate = median(one[phase].rate / of.rate for of, one in zip(bare, rounds, strict=True))
        result.add(f"{key} {phase}", by_cpu, f"by rate {number(by_rate)}")


COLUMNS = ["", "CPU µs", "a second", "p50 ms", "p99 ms", "written KB", "stored bytes", "errors", "wrong"]


def table(rounds: Sequence[Round], phases: Iterable[str]) -> list[list[str]]:
    """Return a table of phases with the medians of the rounds."""
    columns: list[Callable[[Figures], float]] = [
        lambda one: one.cpu_us,
        lambda one: one.rate,
        lambda one: one.p50_ms,
        lambda one: one.p99_ms,
        lambda one: one.written_bytes / 1e3,
        lambda one: one.stored_bytes,
    ]
    return [
        [
            phase,
            *(number(middle(rounds, phase, of)) for of in columns),
            str(sum(one[phase].errors for one in rounds)),
            str(sum(one[phase].wrong for one in rounds)),
        ]
        for phase in phases
    ]


def operations(options: Options) -> Result:
    """Measure Entra's phases as shares of the bare route."""
    result, bare, rounds = Result(), [], []
    fresh = servers.new_folder("template")
    for _ in range(options.rounds):
        bare.append(bare_figures(options.connections))
        with servers.product(options.program, fresh.copy("data")) as server:
            rounds.append(warmed(server, options.users, entra.ENTRA, options.connections))
        result.judge(rounds[-1].values())
    shares(result, bare, rounds, entra.MEASURED, "share")
    result.add("create KB", [one["create"].written_bytes / 1e3 for one in rounds])
    rows = table([{servers.BARE_ROUTE: one} for one in bare], [servers.BARE_ROUTE]) + table(rounds, entra.MEASURED)
    title = f"{options.users} users, {options.connections} connections, medians of {options.rounds} rounds"
    result.tables[title] = [COLUMNS, *rows]
    return result


def peers(options: Options) -> Result:
    """Measure the installed peers, Recnice SCIM and the bare route in the same rounds."""
    from bench.peers import PEERS

    result, bare = Result(), []
    fresh = servers.new_folder("template")
    installed = [peer for peer in PEERS if peer.is_installed]
    result.failures += [f"{peer.name}: not installed; make bench-peers" for peer in PEERS if not peer.is_installed]
    rounds: dict[str, list[Round]] = {"Recnice SCIM": [], **{peer.name: [] for peer in installed}}
    for _ in range(options.rounds):
        bare.append(bare_figures(options.connections))
        with servers.product(options.program, fresh.copy("data")) as server:
            rounds["Recnice SCIM"].append(warmed(server, options.users, entra.ENTRA, options.connections))
        result.judge(rounds["Recnice SCIM"][-1].values())
        for peer in installed:
            with peer.running() as server:
                rounds[peer.name].append(warmed(server, options.users, peer.form, options.connections))
    result.tables["Share of the bare route by CPU / by rate; ! has errors or wrong answers"] = [
        ["", *rounds],
        *([phase, *(_shared(bare, of, phase) for of in rounds.values())] for phase in entra.MEASURED),
    ]
    for peer in installed:
        ratios = {
            phase: middle(rounds[peer.name], phase, lambda one: one.cpu_us)
            / middle(rounds["Recnice SCIM"], phase, lambda one: one.cpu_us)
            for phase in entra.MEASURED
        }
        worst = min((phase for phase in ratios if phase != entra.DELETE), key=ratios.__getitem__)
        result.add(f"peer {peer.name}", [ratios[worst]], f"{worst}; delete {number(ratios[entra.DELETE])}")
        failures = {
            line.partition(": ")[0]: line for one in rounds[peer.name] for f in one.values() for line in f.failures
        }
        result.failures += [f"{peer.name}: {line[:200]}" for line in failures.values()]
    return result


def _shared(bare: Sequence[Figures], rounds: Sequence[Round], phase: str) -> str:
    by_cpu = median(of.cpu_us / one[phase].cpu_us for of, one in zip(bare, rounds, strict=True))
    by_rate = median(one[phase].rate / of.rate for of, one in zip(bare, rounds, strict=True))
    mark = "!" if any(one[phase].errors or one[phase].wrong for one in rounds) else ""
    return f"{number(by_cpu)} / {number(by_rate)}{mark}"


def connections(options: Options) -> Result:
    """Measure the rates at 8, 16 and 64 connections, and that no member is lost."""
    counts, result = (8, 16, 64), Result()
    rounds: dict[int, list[Round]] = {count: [] for count in counts}
    fresh = servers.new_folder("template")
    for _ in range(options.rounds):
        for count in counts:
            with servers.product(options.program, fresh.copy("data")) as server:
                rounds[count].append(warmed(server, options.users, entra.ENTRA, count))
            result.judge(rounds[count][-1].values())
    phases = [phase for phase in entra.MEASURED if phase != "list 100"]
    rates = {c: {phase: middle(rounds[c], phase, lambda one: one.rate) for phase in phases} for c in counts}
    for count in counts[1:]:
        ratios = {phase: rates[count][phase] / rates[8][phase] for phase in phases}
        worst = min(ratios, key=ratios.__getitem__)
        result.add(f"connections {count}", [ratios[worst]], f"{worst}; create {number(ratios['create'])}")
    heading = ["", *(f"{count}: a second, p99 ms" for count in counts)]
    result.tables["Connections"] = [
        heading,
        *(
            [p, *(f"{number(rates[c][p])}, {number(middle(rounds[c], p, lambda one: one.p99_ms))}" for c in counts)]
            for p in phases
        ),
    ]
    return result


def slow_disk(options: Options) -> Result:
    """Measure creates while each fsync and fdatasync takes longer, by a library that is loaded before the others."""
    result = Result()
    library = servers.BUILD / "slow_fsync.so"
    if not (compiler := shutil.which("cc") or shutil.which("gcc")):
        result.failures.append("slow disk: no C compiler")
        return result
    servers.BUILD.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("slow_fsync.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    slow = {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(int(options.delay_ms * 1e3))}
    gains, waits, single, rows = [], [], [], []
    fresh = servers.new_folder("template")

    def creates(tag: str, count: int) -> Phases:
        for phase in (following := entra.phases(count, tag)):
            if phase.name == "create":
                yield phase
                following.close()

    for _ in range(options.rounds):
        of: dict[int, Figures] = {}
        with servers.product(options.program, fresh.copy("data"), slow) as server:
            for count in (1, 16):
                run(server, creates(f"w{count}", 32), count)
                of[count] = run(server, creates(f"m{count}", options.users), count)["create"]
        result.judge(of.values())
        gains.append(of[16].rate / of[1].rate)
        waits.append(of[16].p99_ms)
        single.append(of[1].rate * options.delay_ms / 1e3)
        rows += [[str(c), number(f.rate), number(f.p50_ms), number(f.p99_ms)] for c, f in of.items()]
    result.add("slow disk gain", gains)
    result.add("slow disk p99", waits)
    result.add("slow disk single", single)
    title = f"Creates with {options.delay_ms:g} ms more for each sync"
    result.tables[title] = [["connections", "a second", "p50 ms", "p99 ms"], *rows]
    return result


def growth(options: Options) -> Result:
    """Measure a small and a large directory, filled by the program's own functions before the start."""
    from bench.preload import filled

    result, rounds = Result(), {}
    for size in options.sizes:
        folder, group = filled(size, min(options.members, size))
        with servers.product(options.program, folder.copy("data")) as server:
            run(server, entra.phases(WARM_UP, "w", large=(group, size), reads_large=False), options.connections)
            phases = partial(entra.phases, options.users, large=(group, size))
            rounds[size] = [measure(server, phases, 1)]
            result.add("grown MiB", [memory_mib(server.pid)], f"{size:,} users")
        result.judge(rounds[size][0].values())
    first, last = (rounds[size][0] for size in (options.sizes[0], options.sizes[-1]))
    sizes = f"{options.sizes[0]:,} → {options.sizes[-1]:,} users"
    for key, of in (("growth cpu", "cpu_us"), ("growth p99", "p99_ms")):
        ratios = {phase: getattr(last[phase], of) / getattr(first[phase], of) for phase in first}
        worst = max(ratios, key=ratios.__getitem__)
        result.add(key, [ratios[worst]], f"{worst}; {sizes}")
    for size in options.sizes:
        result.tables[f"{size:,} users, a group of {min(options.members, size):,}, one connection"] = [
            COLUMNS,
            *table(rounds[size], first),
        ]
    return result


def size(options: Options) -> Result:
    """Measure memory and disk."""
    result = Result()
    folder = servers.new_folder("data")
    with servers.product(options.program, folder) as server:
        time.sleep(3)
        result.add("idle MiB", [memory_mib(server.pid)])
        steps: dict[str, int] = {}
        following = entra.phases(options.users, "m", reads_large=False)
        taken = ("create", "patch six", "add 20")

        def noted() -> Phases:
            answers = None
            while True:
                phase = next(following) if answers is None else following.send(answers)
                answers = yield phase
                steps[phase.name] = DIRECTORY_BYTES(folder.path)
                if phase.name == taken[-1]:
                    return

        empty = DIRECTORY_BYTES(folder.path)
        figures = run(server, noted(), options.connections)
        result.judge(figures.values())
        memberships = figures["add 20"].requests * entra.CHUNK
        user = (steps["create"] - empty) / options.users
        membership = (steps["add 20"] - steps["patch six, read back"]) / memberships
        result.add("user bytes", [user + membership], f"user {number(user)}, membership {number(membership)}")
        result.add("patch bytes", [(steps["patch six"] - steps["group lookup"]) / options.users])
        if "create KB" not in result.values:
            result.add("create KB", [figures["create"].written_bytes / 1e3])
    return result


def start(options: Options) -> Result:
    """Measure the executable's size and start, against a bare executable that is built here."""
    result = Result()
    program = Path(options.program[0])
    if options.program == servers.SOURCE:
        program = servers.ROOT / "dist" / "recnice-scim"
    if not program.exists():
        result.failures.append(f"start: {program.name} is missing; make build")
        return result
    bare = servers.BUILD / "dist" / "hello"
    if not bare.exists():
        options_ = ["--onefile", "--strip", "--log-level", "ERROR", "--noconfirm", "--distpath", str(bare.parent)]
        options_ += ["--workpath", str(servers.BUILD / "work"), "--specpath", str(servers.BUILD)]
        source = Path(__file__).with_name("hello.py")
        subprocess.run([sys.executable, "-m", "PyInstaller", *options_, source], check=True, cwd=servers.ROOT)
    folder = servers.new_folder("data")
    ratios, rows = [], []
    for _ in range(options.rounds + 2):
        seconds = []
        for name in ("bare", "program"):
            port, began = servers.free_port(), time.perf_counter()
            own = [str(program), "serve", "--data", str(folder.path), "--listen", f"127.0.0.1:{port}"]
            words = own if name == "program" else [str(bare), str(port), servers.KEY, "16"]
            with servers.running(words, port):
                seconds.append(time.perf_counter() - began)
        ratios.append(seconds[1] / seconds[0])
        rows.append([number(one) for one in seconds])
    result.add("start ratio", ratios)
    result.add("program MiB", [program.stat().st_size / 2**20], f"bare {number(bare.stat().st_size / 2**20)}")
    result.tables["Start to first answer, seconds"] = [["bare executable", "Recnice SCIM"], *rows]
    return result


def pages(options: Options) -> Result:
    """Measure a list page, an export and a page of the console."""
    from bench.preload import filled

    count = options.sizes[0]
    result, bare, rounds = Result(), [], []
    source, group = filled(count, count)
    paths = {
        "page: users": "/users",
        "page: user search": "/users?q=given1",
        "page: group": f"/groups/{group}",
        "page: status": "/",
        "page: activity": "/activity",
        "page: export": "/users?format=csv",
    }
    for _ in range(options.rounds):
        bare.append(bare_figures(options.connections))
        folder = source.copy("data")
        with servers.product(options.program, folder) as server:

            def scim() -> Phases:
                yield Phase("page: list of 100", [entra.page(1, 100, count)] * 30)

            def console() -> Phases:
                for name, path in paths.items():
                    yield Phase(name, [Request("GET", path)] * (10 if "export" in name else 20))

            browser = Server("console", server.port, server.pid, f"Cookie: recnice_session={folder.cookie}\r\n")
            run(server, scim(), options.connections)
            run(browser, console(), 2)  # more exports at a time would be refused
            rounds.append(run(server, scim(), options.connections) | run(browser, console(), 2))
        result.judge(rounds[-1].values())
    shares(result, bare, rounds, rounds[0], "share")
    rows = table([{servers.BARE_ROUTE: one} for one in bare], [servers.BARE_ROUTE]) + table(rounds, rounds[0])
    result.tables[f"Pages with {count:,} users"] = [COLUMNS, *rows]
    return result


def simulate(options: Options) -> Result:
    """Run the simulation of Entra, and compare the rates at the start and at the end of its long stages."""
    from app.simulation.client import EntraClient
    from app.simulation.dialects import DIALECTS
    from app.simulation.ledger import Ledger, Stage
    from app.simulation.story import CLEANING, Plan, rehearse

    result, ledger = Result(), Ledger()
    moments: dict[str, list[float]] = {}

    class Clock:
        def began(self, stage: Stage, steps: int) -> None:
            self.times = moments[stage.name] = [time.perf_counter()]

        def stepped(self) -> None:
            self.times.append(time.perf_counter())

        def ended(self, stage: Stage) -> None:
            pass

    folder = servers.new_folder("data")
    with servers.product(options.program, folder) as server:
        client = EntraClient(f"http://127.0.0.1:{server.port}/scim/", folder.key, ledger)
        began = time.perf_counter()
        rehearse(
            Plan(options.users, options.groups, DIALECTS["both"], 1, alone=False, keeps=False), client, ledger, Clock()
        )
        took = time.perf_counter() - began
        client.close()
    ratios = {}
    for name, times in moments.items():  # after a step for each user, some stages go on with groups
        if len(times) > options.users and name != CLEANING:
            tenth = max(1, options.users // 10)
            ratios[name] = (times[tenth] - times[0]) / (times[options.users] - times[options.users - tenth])
    worst = min(ratios, key=ratios.__getitem__)
    rate = f"{number(ledger.requests / took)} requests a second"
    result.add("simulate rate", [ratios[worst]], f"{worst}; {options.users:,} users, {options.groups:,} groups, {rate}")
    result.add("simulate failures", [ledger.failed])
    result.tables["Simulation: rate of the last tenth ÷ the first"] = [
        ["stage", "ratio"], *([name, number(ratio)] for name, ratio in ratios.items())
    ]  # fmt: skip
    return result
