"""This module has one function for each subcommand; each returns values for the goals, and tables."""

import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

from bench import entra, servers
from bench.driver import Phase, Phases, Request, Round, Server, run
from bench.entra import Large
from bench.goals import Value, number

WARM_UP = 64  # users of a run before: the first requests of each thread prepare statements, open connections and so on
BARE, OURS = "bare route", "Recnice SCIM"
COLUMNS = {
    "CPU µs": "cpu_us", "a second": "rate", "p50 ms": "p50_ms", "p99 ms": "p99_ms", "written KB": "written_kb",
    "stored bytes": "stored_bytes", "logged bytes": "logged_bytes", "errors": "errors", "wrong": "wrong",
}  # fmt: skip

Table = list[list[str]]
Start = Callable[[], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    program: Sequence[str]
    rounds: int
    connections: int
    users: int
    groups: int
    sizes: Sequence[int]
    members: int
    requests: int
    delay_ms: float


@dataclass
class Result:
    """Values by their keys, tables by their titles (the first row is the heading), and what was not right."""

    values: dict[str, Value] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    bad: int = 0

    def add(self, key: str, values: Sequence[float], note: str = "") -> None:
        spread = {"low": min(values), "high": max(values)} if len(values) > 1 else {}
        self.values[key] = {"value": median(values), "note": note, **spread}

    def add_worst(self, key: str, ratios: Mapping[str, float], note: str, take: Callable[..., str] = min) -> None:
        worst = take(ratios, key=ratios.__getitem__)
        self.add(key, [ratios[worst]], f"{worst}; {note}")

    def add_shares(self, of: "Rounds", phases: Iterable[str]) -> None:
        """Store the share of each phase, by processor time, with that by rate as its note."""
        for phase in phases:
            self.add(f"share {phase}", of.shares(OURS, phase), f"by rate {number(of.rate_share(OURS, phase))}")


@dataclass(frozen=True)
class Variant:
    """One of the servers that are measured in turn. `phases` takes a tag for its names and a number of users."""

    start: Start
    phases: Callable[[int, str], Phases]
    connections: int
    is_ours: bool = True


@dataclass
class Rounds:
    """The figures of each variant in each round, and the resident memory after it."""

    of: dict[str, list[Round]]
    memory_mib: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def median(self, name: str, phase: str, figure: str) -> float:
        return float(median(getattr(one[phase], figure) for one in self.of[name]))

    def shares(self, name: str, phase: str) -> list[float]:
        """Return the bare route's processor time ÷ that of a phase, in each round."""
        pairs = zip(self.of[BARE], self.of[name], strict=True)
        return [bare[BARE].cpu_us / one[phase].cpu_us for bare, one in pairs]

    def rate_share(self, name: str, phase: str) -> float:
        return median(one[phase].rate / bare[BARE].rate for bare, one in zip(self.of[BARE], self.of[name], strict=True))

    def table(self, name: str) -> Table:
        """Return the medians of each phase, below those of the bare route."""
        rows = [(BARE, BARE)] if BARE in self.of and name != BARE else []
        rows += [(name, phase) for phase in entra.MEASURED if phase in self.of[name][0]]
        rows += [(name, phase) for phase in self.of[name][0] if (name, phase) not in rows]
        cells = ([number(self.median(*row, figure)) for figure in COLUMNS.values()] for row in rows)
        return [["", *COLUMNS], *([row[1], *of_row] for row, of_row in zip(rows, cells, strict=True))]


def grid(columns: Iterable[str], rows: Iterable[str], cell: Callable[[str, str], str]) -> Table:
    """Return a table of the cells of each column's name and each row's name."""
    names = [*columns]
    return [["", *names], *([row, *(cell(column, row) for column in names)] for row in rows)]


def _creates(users: int, tag: str) -> Phases:
    return entra.until("create", entra.phases(users, tag))


def interleaved(result: Result, rounds: int, users: int, variants: Mapping[str, Variant]) -> Rounds:
    """Measure all variants in turn, each started again in each round, and count what was not right with ours."""
    taken = Rounds({name: [] for name in variants})
    for _ in range(rounds):
        for name, variant in variants.items():
            with variant.start() as server:
                run(server, variant.phases(min(WARM_UP, users), "w"), variant.connections, settles=False)
                server.settled_cpu_s()
                figures = run(server, variant.phases(users, "m"), variant.connections)
                taken.memory_mib[name].append(server.memory_mib())
            taken.of[name].append(figures)
            failures = [line for one in figures.values() for line in one.failures[:1]]
            result.bad += sum(one.errors + one.wrong for one in figures.values()) if variant.is_ours else 0
            result.failures += [f"{name}: {line}" for line in failures if variant.is_ours or len(taken.of[name]) == 1]
    return taken


def _hello(users: int, tag: str) -> Phases:
    yield Phase(BARE, [Request("GET", "/hello")] * (4 * max(users, 200)))


def bare(options: Options) -> dict[str, Variant]:
    return {BARE: Variant(servers.bare_route, _hello, options.connections, is_ours=False)}


def ours(
    options: Options,
    phases: Callable[[int, str], Phases] = entra.phases,
    connections: int | None = None,
    more: Mapping[str, str] | None = None,
    folder: servers.Folder | None = None,
) -> Variant:
    """Return the program, each time on a new copy of a folder."""
    source = folder or servers.fresh()
    start = lambda: servers.product(options.program, source.copy(), more)  # noqa: E731
    return Variant(start, phases, connections or options.connections)


def operations(options: Options) -> Result:
    """Measure Entra's phases as shares of the bare route."""
    result = Result()
    taken = interleaved(result, options.rounds, options.users, {**bare(options), OURS: ours(options)})
    result.add_shares(taken, entra.MEASURED)
    result.add("create KB", [one["create"].written_kb for one in taken.of[OURS]])
    title = f"{options.users} users, {options.connections} connections, medians of {options.rounds} rounds"
    result.tables[title] = taken.table(OURS)
    return result


def costs(options: Options) -> Result:
    """Measure in this process where the processor time of each of Entra's phases goes."""
    from bench.profile import profiles

    result = Result()
    heading, rows = ["", "thread", "others"], []
    for phase, profile in profiles(entra.MEASURED, options.users).items():
        stages = ", ".join(f"{name} {us:.0f}" for name, us in profile.stages()[:6])
        result.add(f"cost {phase}", [profile.own_us], f"µs: {stages}; other threads {profile.other_us:.0f}")
        rows.append([phase, number(profile.own_us), number(profile.other_us), stages])
    result.tables["Processor time in process, µs"] = [[*heading, "largest stages"], *rows]
    return result


def peers(options: Options) -> Result:
    """Measure the installed peers in the same rounds."""
    from bench.peers import PEERS

    result = Result()
    result.failures = [f"{peer.name}: not installed; make bench-peers" for peer in PEERS if not peer.is_installed]
    variants = {**bare(options), OURS: ours(options)}
    names = [peer.name for peer in PEERS if peer.is_installed]
    for peer in (one for one in PEERS if one.is_installed):
        phases = partial(entra.phases, form=peer.form)
        variants[peer.name] = Variant(peer.running, phases, options.connections, is_ours=False)
    taken = interleaved(result, options.rounds, options.users, variants)

    def cell(name: str, phase: str) -> str:
        is_right = not any(one[phase].errors or one[phase].wrong for one in taken.of[name])
        shares = median(taken.shares(name, phase)), taken.rate_share(name, phase)
        return " / ".join(map(number, shares)) + ("" if is_right else " !")

    title = "Share of the bare route by CPU / by rate; ! has errors or wrong answers"
    result.tables[title] = grid([OURS, *names], entra.MEASURED, cell)
    for name in names:
        cpu = {p: taken.median(name, p, "cpu_us") / taken.median(OURS, p, "cpu_us") for p in entra.MEASURED}
        behind = sum(ratio < 1 for phase, ratio in cpu.items() if phase != entra.DELETE)
        note = f"behind in {behind} of {len(cpu) - 1}; delete {number(cpu.pop(entra.DELETE))}"
        result.add_worst(f"peer {name}", cpu, note)
    return result


def connections(options: Options) -> Result:
    """Measure the rates at 8, 16 and 64 connections, and that no member is lost."""
    result, counts = Result(), (8, 16, 64)
    variants = {str(count): ours(options, connections=count) for count in counts}
    taken = interleaved(result, options.rounds, options.users, variants)
    phases = [phase for phase in entra.MEASURED if phase != entra.LIST]

    def cell(count: str, phase: str) -> str:
        return " / ".join(number(taken.median(count, phase, figure)) for figure in ("rate", "p99_ms"))

    for count in counts[1:]:
        ratios = {p: taken.median(str(count), p, "rate") / taken.median("8", p, "rate") for p in phases}
        result.add_worst(f"connections {count}", ratios, f"create {number(ratios['create'])}")
    result.tables["A second, and p99 in ms, by connections"] = grid(variants, phases, cell)
    return result


def slow_disk(options: Options) -> Result:
    """Measure creates while each fsync and fdatasync takes longer, by a library that is loaded before the others."""
    result, library = Result(), servers.BUILD / "slow_fsync.so"
    if not (compiler := shutil.which("cc")):
        result.failures.append("slow disk: no C compiler")
        return result
    servers.BUILD.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("slow_fsync.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    slow = {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(int(options.delay_ms * 1e3))}

    variants = {str(count): ours(options, _creates, count, slow) for count in (1, 16)}
    taken = interleaved(result, options.rounds, options.users, variants)
    single, many = ([one["create"] for one in taken.of[name]] for name in variants)
    result.add("slow disk gain", [one.rate / alone.rate for one, alone in zip(many, single, strict=True)])
    result.add("slow disk p99", [one.p99_ms for one in many])
    result.add("slow disk single", [one.rate * options.delay_ms / 1e3 for one in single])
    for name in variants:
        result.tables[f"{options.delay_ms:g} ms more for each sync, connections: {name}"] = taken.table(name)
    return result


def growth(options: Options) -> Result:
    """Measure directories of several sizes in turn, filled by the program's own functions before the start."""
    from bench.preload import filled

    result, variants = Result(), {}
    for size in options.sizes:
        members = min(options.members, size)
        folder, group = filled(size, members)
        name = f"{size:,} users, a group of {members:,}, one connection"
        variants[name] = ours(options, partial(entra.phases, large=Large(group, size)), 1, folder=folder)
    taken = interleaved(result, options.rounds, options.users, variants)
    first, *_, last = variants
    ratios = {
        figure: {p: taken.median(last, p, figure) / taken.median(first, p, figure) for p in taken.of[last][0]}
        for figure in ("cpu_us", "p99_ms")
    }
    for key, figure in (("growth cpu", "cpu_us"), ("growth p99", "p99_ms")):
        result.add_worst(key, ratios[figure], f"{options.sizes[0]:,} → {options.sizes[-1]:,} users", max)
    rows = taken.of[last][0]
    result.tables["Largest ÷ smallest directory"] = grid(ratios, rows, lambda figure, row: number(ratios[figure][row]))
    result.add("grown MiB", taken.memory_mib[last], f"{options.sizes[-1]:,} users")
    for name in variants:
        result.tables[name] = taken.table(name)
    return result


def pruning(options: Options) -> Result:
    """Measure creates while old requests are deleted from the request log, and while they are kept."""
    from bench.preload import OLD_DAYS, logged

    result, folder = Result(), logged(options.requests)
    gone: list[int] = []

    @contextmanager
    def start(days: int) -> Iterator[Server]:
        with servers.product(options.program, folder.copy(), {"RECNICE_REQUEST_DAYS": str(days)}) as server:
            yield server
            gone.append(options.requests - server.logged_requests(options.requests))

    variants = {
        name: Variant(partial(start, days), _creates, options.connections)
        for name, days in (("kept", 2 * OLD_DAYS), ("deleted meanwhile", OLD_DAYS // 2))
    }
    taken = interleaved(result, options.rounds, options.users, variants)
    kept, deleted = ([one["create"].p99_ms for one in taken.of[name]] for name in variants)
    note = f"{number(min(gone[1::2]))} of {options.requests:,} deleted"
    result.add("pruning p99", [after / before for before, after in zip(kept, deleted, strict=True)], note)
    if not 0 < min(gone[1::2]) <= max(gone[1::2]) < options.requests or any(gone[::2]):
        result.failures.append(f"pruning: expected a part of {options.requests:,} to be deleted, got {gone}")
    for name in variants:
        result.tables[f"{options.requests:,} old requests, {name}"] = taken.table(name)
    return result


def backup(options: Options) -> Result:
    """Measure creates while backups are written one after the other, and without any."""
    from bench.preload import filled

    result = Result()
    folder, _ = filled(options.sizes[-1], min(options.members, options.sizes[-1]))
    taken_s: list[float] = []

    @contextmanager
    def start(is_backed_up: bool) -> Iterator[Server]:
        data = folder.copy()
        with servers.product(options.program, data) as server:
            is_over = threading.Event()

            def back_up() -> None:
                while not is_over.is_set():
                    began = time.monotonic()
                    subprocess.run(
                        [*options.program, "backup", "--data", str(data.path)], check=True, stdout=subprocess.DEVNULL
                    )
                    taken_s.append(time.monotonic() - began)
                    for path in (data.path / "backups").iterdir():
                        path.unlink()

            worker = threading.Thread(target=back_up)
            if is_backed_up:
                worker.start()
            try:
                yield server
            finally:
                is_over.set()
                if is_backed_up:
                    worker.join()

    variants = {
        name: Variant(partial(start, is_backed_up), _creates, options.connections)
        for name, is_backed_up in (("without backups", False), ("during backups", True))
    }
    taken = interleaved(result, options.rounds, options.users, variants)
    without, during = ([one["create"].rate for one in taken.of[name]] for name in variants)
    note = f"a backup took {number(median(taken_s))} s"
    result.add("backup rate", [after / before for before, after in zip(without, during, strict=True)], note)
    for name in variants:
        result.tables[f"{options.sizes[-1]:,} users, {name} ({note})"] = taken.table(name)
    return result


def size(options: Options) -> Result:
    """Measure memory and disk."""
    result = Result()
    with servers.product(options.program, servers.fresh().copy()) as server:
        server.settled_cpu_s()
        result.add("idle MiB", [server.memory_mib()])
        taken = run(server, entra.until("add 20", entra.phases(options.users, "m")), options.connections)
    user, membership = taken["create"].stored_bytes, taken["add 20"].stored_bytes / entra.CHUNK
    result.add("user bytes", [user + membership], f"user {number(user)}, membership {number(membership)}")
    result.add("patch bytes", [taken["patch six"].stored_bytes])
    result.tables[f"{options.users} users"] = Rounds({OURS: [taken]}).table(OURS)
    return result


def start(options: Options) -> Result:
    """Measure the executable's size and start, against a bare executable that is built here."""
    result, bare_program = Result(), servers.BUILD / "dist" / "hello"
    program = servers.ROOT / "dist" / "recnice-scim" if options.program == servers.SOURCE else Path(options.program[0])
    if not program.exists():
        result.failures.append("start: the executable is missing; make build")
        return result
    if not bare_program.exists():
        words = ["--onefile", "--strip", "--noconfirm", "--log-level=ERROR", f"--distpath={bare_program.parent}"]
        words += [f"--workpath={servers.BUILD / 'work'}", f"--specpath={servers.BUILD}", "bench/hello.py"]
        subprocess.run([sys.executable, "-m", "PyInstaller", *words], check=True, cwd=servers.ROOT)
    folder = servers.fresh().copy()
    rows: list[list[float]] = []
    for _ in range(options.rounds + 2):
        rows.append([])
        port = servers.free_port()
        serve = [str(program), "serve", "--data", str(folder.path), "--listen", f"127.0.0.1:{port}"]
        for words in ([str(bare_program), str(port), servers.KEY, servers.THREADS], serve):
            began = time.perf_counter()
            with servers.running(words, port):
                rows[-1].append(time.perf_counter() - began)
    mib, bare_mib = (one.stat().st_size / 2**20 for one in (program, bare_program))
    result.add("start ratio", [own / of for of, own in rows], f"{number(median(own for _, own in rows))} s")
    result.add("program MiB", [mib], f"bare {number(bare_mib)}")
    return result


def pages(options: Options) -> Result:
    """Measure a list page, an export and pages of the console."""
    from bench.preload import filled

    count = options.sizes[0]
    folder, group = filled(count, count)
    paths = {
        "users": "/users", "search": "/users?q=given1", "group": f"/groups/{group}", "status": "/",
        "activity": "/activity", "export": "/users?format=csv",
    }  # fmt: skip

    @contextmanager
    def start() -> Iterator[Server]:
        with servers.product(options.program, folder.copy()) as server:
            yield replace(server, headers=f"{server.headers}Cookie: recnice_session={folder.cookie}\r\n", base="")

    def phases(users: int, tag: str) -> Phases:
        scim_page = entra.page(1, 100, count)
        yield Phase("page: list of 100", [scim_page._replace(path="/scim" + scim_page.path)] * users)
        for name, path in paths.items():
            yield Phase(f"page: {name}", [Request("GET", path)] * users)

    result = Result()
    # Two connections, since more exports at a time are refused.
    variants = {**bare(options), OURS: Variant(start, phases, 2)}
    taken = interleaved(result, options.rounds, options.users, variants)
    result.add_shares(taken, taken.of[OURS][0])
    result.tables[f"Pages with {count:,} users"] = taken.table(OURS)
    return result


def simulate(options: Options) -> Result:
    """Run the simulation of Entra, and compare the rates at the start and at the end of its long stages."""
    from app.simulation.client import EntraClient
    from app.simulation.dialects import DIALECTS
    from app.simulation.ledger import Ledger, Stage
    from app.simulation.story import CLEANING, Plan, rehearse

    result, ledger, began_s = Result(), Ledger(), time.perf_counter()
    last, tenth = options.users, max(1, options.users // 10)
    marks: dict[str, list[tuple[float, float]]] = {}

    class Moments:
        """A watch that keeps the time, and the server's processor time, at both ends of the first and last tenth."""

        def began(self, stage: Stage, steps: int) -> None:
            print(f"{time.perf_counter() - began_s:6.0f} s: {stage.name}", flush=True)
            self.steps = -1
            marks[stage.name] = []
            self.stepped()

        def stepped(self) -> None:
            self.steps += 1
            if self.steps in (0, tenth, last - tenth, last):  # afterwards, some stages go on with groups
                marks[ledger.stage.name].append((time.perf_counter(), server.cpu_s()))

        def ended(self, stage: Stage) -> None:
            pass

    folder = servers.fresh().copy()
    plan = Plan(options.users, options.groups, DIALECTS["both"], 1, alone=False)
    with servers.product(options.program, folder) as server:
        client = EntraClient(f"http://127.0.0.1:{server.port}/scim/", folder.key, ledger)
        rehearse(plan, client, ledger, Moments())
        client.close()
        memory_mib = server.memory_mib()
    took_s = time.perf_counter() - began_s
    ratios = {
        figure: {
            name: (taken[1][at] - taken[0][at]) / (taken[3][at] - taken[2][at])
            for name, taken in marks.items()
            if len(taken) == 4 and name != CLEANING
        }
        for at, figure in enumerate(("seconds", "processor time"))
    }
    note = f"{options.users:,} users, {options.groups:,} groups, {number(ledger.requests / took_s)} requests a second"
    note += f", {number(memory_mib)} MiB at the end; by processor time {number(min(ratios['processor time'].values()))}"
    result.add_worst("simulate rate", ratios["seconds"], note)
    result.add("simulate failures", [ledger.failed])
    result.failures += [f"{one.stage}: {one.request}: {one.expected}" for one in ledger.failures[:3]]
    title = "First tenth of the users ÷ last tenth"
    result.tables[title] = grid(ratios, ratios["seconds"], lambda figure, stage: number(ratios[figure][stage]))
    return result
