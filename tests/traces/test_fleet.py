"""Several traces as the ranks of a job: who keeps whom waiting and why, of made jobs whose truth is known and of recorded ones."""

import gzip
import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

import msgspec
import pytest
from read_once import read_once
from traces.made_ranks import Clock, Group, Job, run, training, write
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.reports import progress
from launchlens.traces.documents.fleet import FleetDocument, StragglerRow
from launchlens.traces.fleet.members import natural
from launchlens.traces.fleet.read import read_fleet
from launchlens.traces.problems import InputError
from traces import made_nsys
from traces import made_ranks as made

DATA = Path(__file__).parents[1] / "data"
CUT, BARE = DATA / "golden" / "ranks", DATA / "ranks"
WHOLE = Path(__file__).parents[2].parent / "shared" / "data" / "ranks"
#: Ranks of several hosts: apart by milliseconds, and going apart.
CLOCKS = [Clock(), Clock(3_000_000), Clock(-7_000_000, 2e-5), Clock(50_000_000, -3e-5)]


def _said(job: Job, folder: Path, **more: bool) -> FleetDocument:
    return read_fleet(write(job, folder, **more)).document()


@cache
def _job(late: int | None = None, why: str = "", us: float = 0, steps: int = 6) -> Job:
    """A job of four ranks that several tests share: none may change it."""
    return run(training(late, why, us), 4, steps, CLOCKS)


def _longer_ns(late: Job, even: Job) -> float:
    """The truth: by how much longer a step of a job is than it is where nobody is late."""
    ends = [max(rank.now for rank in job.ranks) for job in (late, even)]
    return (ends[0] - ends[1]) / (1 + max(step for _, _, step, _, _ in late.ranks[0].collectives))


def _late(document: FleetDocument) -> list[StragglerRow]:
    assert document.stragglers is not None
    return document.stragglers


def _waits(found: StragglerRow) -> int:
    assert (
        found.costs_others_ns_per_step
        == found.others_wait_exposed_ns_per_step + found.others_wait_overlapped_ns_per_step
    )
    return found.costs_others_ns_per_step


def _sums(document: FleetDocument) -> None:
    """What must hold of every fleet: its parts and cells sum to its time, and each rank's parts to its step."""
    account = document.account
    assert sum(cell.ns for cell in account.cells) == account.window_ns == sum(part.ns for part in account.parts)
    for row in document.ranks:
        if row.gpu_ns is not None:
            parts = (row.gpu_ns, row.waiting_exposed_ns, row.transfer_exposed_ns, row.idle_ns, row.unknown_ns)
            assert abs(sum(part or 0 for part in parts) - row.step_ns) <= 1
    for each in document.collectives:
        assert each.waiting_ns + each.transfer_ns == each.total_ns and each.transfer_ns >= 0
    assert sum(row.waiting_ns for row in document.collectives) == sum(row.ns for row in document.waits)


@pytest.mark.parametrize(
    ("late", "why", "where"), [(1, "gpu", None), (3, "host", "forward"), (2, "data", "data"), (0, "data", "data")]
)
@pytest.mark.parametrize("how", [{}, {"seq": True}, {"told": False, "own": False}, {"told": False, "steps": False}])
def test_a_late_rank_is_named_with_its_cause_and_cost(tmp_path, late, why, where, how) -> None:
    job = _job(late, why, 3000)
    document = _said(job, tmp_path, **how)
    (found,) = _late(document)
    assert (found.rank, found.cause, found.where) == (late, why, where)
    truth = job.waited_ns(late)
    assert found.lengthens_steps_ns_per_step == pytest.approx(_longer_ns(job, _job()), rel=0.02)
    assert _waits(found) == pytest.approx(sum(truth.values()) / 3, rel=0.02)
    assert found.longer_ns_per_step == pytest.approx(3_000_000, rel=0.05)
    assert (
        found.steps
        == found.of_steps
        == (6 if how.get("steps", True) else len(document.account.parts) and found.of_steps)
    )
    assert all(row.waiting_ns == pytest.approx(truth.get(row.rank, 0), rel=0.05, abs=20_000) for row in document.ranks)
    _sums(document)


def _by_turns(late: int | None) -> made.Program:
    """Four collectives a step that all work waits for, as of layers that are split over ranks; one rank takes 300 µs more before each."""
    world = Group("0", (0, 1, 2, 3), 100)

    def step(rank, number):
        done = 0
        for _ in range(4):
            rank.kernel("gemm", 1300 if rank.number == late else 1000, after=done)
            done = yield from rank.all_reduce(world)
        rank.kernel("adam", 500, after=done)
        rank.wait()

    return step


def _at_the_end(late: int | None) -> made.Program:
    """One rank takes 3 ms more of a step after its last collective: the others wait for it in the next step."""
    before = training()

    def step(rank, number):
        yield from before(rank, number)
        rank.kernel("more", 3500 if rank.number == late else 500)
        rank.wait()

    return step


def _on_two_streams(late: int | None) -> made.Program:
    """Two collectives wait for a rank at the same time, of which each is as late as the other."""
    groups = Group("a", (0, 1, 2, 3)), Group("b", (0, 1, 2, 3))

    def step(rank, number):
        rank.kernel("gemm", 5000 if rank.number == late else 2000)
        compute, other, free = rank.free[made.COMPUTE], made.COMMUNICATION + 1, rank.free.get(made.COMMUNICATION, 0)
        done = yield from rank.all_reduce(groups[0])
        rank.free[made.COMPUTE], rank.free[made.COMMUNICATION] = compute, free
        also = yield from rank.all_reduce(groups[1])
        for row in (each for each in rank.rows if each.get("args", {}).get("Process Group Name") == "b"):
            row["args"]["stream"] = other
        rank.free[made.COMMUNICATION] = max(done, also)
        rank.kernel("adam", 1000, after=max(done, also))
        rank.wait()

    return step


# what runs beside the last collective hides as long as it transfers: so much of what comes into the next step late may be old
@pytest.mark.parametrize(("program", "within"), [(_by_turns, 0.03), (_at_the_end, 0.11), (_on_two_streams, 0.03)])
def test_what_a_late_rank_costs_is_what_steps_are_longer_by(
    tmp_path, program: Callable[[int | None], made.Program], within: float
) -> None:
    job, even = (run(program(late), 4, 7, CLOCKS) for late in (2, None))
    document = _said(job, tmp_path)
    (found,) = _late(document)
    assert (found.rank, found.cause) == (2, "gpu")
    assert found.lengthens_steps_ns_per_step == pytest.approx(_longer_ns(job, even), rel=within)
    _sums(document)


def test_who_does_the_same_as_the_others_is_no_straggler(tmp_path) -> None:
    document = _said(run(training(), 4, 6, CLOCKS), tmp_path)
    assert document.stragglers == [] and document.sentence.startswith("No straggler")
    # less than a tenth of a step is imbalance
    document = _said(run(training(3, "gpu", 300), 4, 6), tmp_path)
    assert document.stragglers == [] and "Rank 3 comes last" in document.sentence
    own = next(row for row in document.imbalance if row.figure == "gpu_ns")
    assert own.rank_of_most == 3 and own.most_ns - own.median_ns == pytest.approx(300_000, rel=0.02)


def test_two_that_are_late_together_are_both_named(tmp_path) -> None:
    one, other = training(1, "gpu", 3000), training(2, "gpu", 3020)
    world = Group("0", (0, 1, 2, 3))

    def both(rank, number):
        yield from (other if rank.number == 2 else one)(rank, number)

    # of one group: the two programs share it
    one = training(1, "gpu", 3000, groups=lambda rank: [world, world])
    other = training(2, "gpu", 3020, groups=lambda rank: [world, world])
    document = _said(run(both, 4, 6), tmp_path)
    assert sorted(each.rank for each in _late(document)) == [1, 2]
    assert {each.cause for each in _late(document)} == {"gpu"}
    assert all(each.lengthens_steps_ns_per_step > 3_000_000 for each in _late(document))


def test_a_wait_that_is_passed_on_is_booked_to_who_began_it(tmp_path) -> None:
    """Rank 3 keeps 2 waiting in their group, and so 2 keeps 0 waiting in theirs: 0 waits for 3, with which it shares none."""
    pairs, across = [Group("tp0", (0, 1)), Group("tp1", (2, 3))], [Group("dp0", (0, 2)), Group("dp1", (1, 3))]
    program = training(3, "gpu", 3000, groups=lambda rank: [pairs[rank // 2], across[rank % 2]])
    document = _said(run(program, 4, 6, CLOCKS), tmp_path)
    assert [each.rank for each in _late(document)] == [3]
    waited = {(row.rank, row.for_rank): row.ns for row in document.waits}
    assert waited[0, 3] > 10 * waited.get((0, 2), 0)
    assert {row.group for row in document.collectives} == {"tp0 [0, 1]", "tp1 [2, 3]", "dp0 [0, 2]", "dp1 [1, 3]"}
    # clocks are aligned along groups that share ranks
    offsets = [row.clock_offset_ns for row in document.ranks]
    assert offsets == pytest.approx([0, 3_000_000, -7_000_000, 50_000_000], abs=20_000)
    _sums(document)


def test_a_rank_that_is_missing_is_said_and_the_others_are_judged(tmp_path) -> None:
    paths = write(run(training(3, "host", 3000), 4, 6), tmp_path)
    document = read_fleet(paths[1:]).document()
    assert [row.rank for row in document.ranks] == [1, 2, 3] and document.ranks_in_job == 4
    assert {each.code: each.count for each in document.problems}["ranks-missing"] == 1
    assert [each.rank for each in _late(document)] == [3]
    # the last one's waiting has no one to be booked to
    document = read_fleet(paths[:3]).document()
    assert document.stragglers == [] and [row.rank for row in document.ranks] == [0, 1, 2]


@pytest.mark.parametrize("how", [{}, {"seq": True}, {"told": False, "steps": False}])
def test_a_rank_with_fewer_steps_is_matched_by_those_it_has(tmp_path, how) -> None:
    """Its first steps are cut away: neither their names nor their numbers nor their times may be taken for those of others."""
    job = run(_uneven(training(2, "gpu", 3000)), 4, 9, CLOCKS)
    short = job.ranks[1]
    begins = next(row["start"] for row in short.rows if row["name"] == "ProfilerStep#7")
    short.rows = [row for row in short.rows if row["start"] >= begins]
    document = _said(job, tmp_path, **how)
    (found,) = _late(document)
    assert (found.rank, found.cause) == (2, "gpu")
    assert document.ranks[1].steps < document.ranks[0].steps
    assert document.ranks[1].clock_offset_ns == pytest.approx(3_000_000, abs=20_000)
    assert {each.code: each.count for each in document.problems}.get("collectives-alone", 0) == 0


def _uneven(program: made.Program) -> made.Program:
    """Steps of different lengths, as real ones are, on all ranks alike."""
    random = Random(7)
    lengths = [random.uniform(0, 2000) for _ in range(40)]

    def step(rank, number):
        rank.kernel("more", 3500 + lengths[number])
        yield from program(rank, number)

    return step


def test_clocks_that_drift_for_a_minute_are_one_throughout(tmp_path) -> None:
    """Twenty millionths of forty seconds are nearly a millisecond, a tenth of these steps."""
    program = training(None)

    def slow(rank, number):
        rank.host(5_000_000)
        yield from program(rank, number)

    document = _said(run(slow, 4, 8, CLOCKS), tmp_path)
    assert [row.clock_drift for row in document.ranks] == pytest.approx([0, 0, 2e-5, -3e-5], abs=1e-7)
    assert document.stragglers == [] and all((row.waiting_ns or 0) < 5_000 for row in document.ranks)


def test_who_need_not_wait_for_the_last_waits_until_its_own_end(tmp_path) -> None:
    """The root of a broadcast is done before the others have come."""
    paths = write(run(training(1, "gpu", 3000), 4, 4), tmp_path)
    for path in paths:
        text = json.loads(path.read_text())
        for event in text["traceEvents"]:
            if "dtype" in event["args"]:
                event["args"]["Collective name"] = "broadcast"
                event["dur"] = 20.0 if path is paths[0] else event["dur"]
        path.write_text(json.dumps(text))
    document = read_fleet(paths).document()
    assert document.ranks[0].waiting_ns == pytest.approx(2 * 20_000, abs=100)
    assert (document.ranks[2].waiting_ns or 0) > 3_000_000
    _sums(document)


def test_collectives_that_differ_are_no_match(tmp_path) -> None:
    paths = write(run(training(1, "gpu", 3000), 4, 6), tmp_path)
    text = json.loads(paths[2].read_text())
    for event in text["traceEvents"]:
        if "dtype" in event["args"]:
            event["args"]["In msg nelems"] = event["args"]["Out msg nelems"] = 77
    paths[2].write_text(json.dumps(text))
    document = read_fleet(paths).document()
    assert {each.code for each in document.problems} >= {"collectives-unlike"}
    assert document.stragglers is None and "no collective in common" in document.sentence


def test_a_trace_without_collectives_says_nothing_of_who_waits(tmp_path) -> None:
    job = run(training(1, "gpu", 3000), 2 + 2, 6)
    for rank in job.ranks:
        rank.rows = [row for row in rank.rows if not row["name"].startswith("nccl")]
    document = _said(job, tmp_path)
    assert document.stragglers is None and all(row.waiting_ns is None for row in document.ranks)
    assert all(row.clock_offset_ns is None for row in document.ranks)
    _sums(document)


@pytest.mark.parametrize("seed", range(3))
def test_splitting_a_file_into_ranks_changes_no_sum(tmp_path, seed) -> None:
    random = Random(seed)
    program = training(random.randrange(4), random.choice(["gpu", "host", "data"]), random.uniform(100, 5000))
    job = run(program, 4, random.randrange(3, 7))
    apart = _said(job, tmp_path / "apart", own=False)
    (tmp_path / "one").mkdir()
    one = read_fleet([made.merged(job, tmp_path / "one" / "all.json")]).document()
    same = {"files", "rank_from"}
    rows = [[{**msgspec.to_builtins(row), **dict.fromkeys(same)} for row in each.ranks] for each in (apart, one)]
    assert rows[0] == rows[1]
    assert apart.account == one.account and apart.waits == one.waits and apart.collectives == one.collectives
    _sums(one)


def test_an_export_has_a_group_of_tracks_a_rank_on_one_clock(tmp_path) -> None:
    pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")
    from launchlens.traces.perfetto.export import export
    from pftrace import read

    job = run(training(2, "data", 3000), 4, 3, [Clock(number * 5_000_000) for number in range(4)])
    write(job, tmp_path / "ranks")
    export(tmp_path / "ranks", tmp_path / "job.pftrace")
    found = read((tmp_path / "job.pftrace").read_bytes())
    first = min(row["start"] for rank in job.ranks for row in rank.rows)
    for rank in job.ranks:
        group = f"{rank.number + 1}. rank {rank.number}: rank{rank.number}.json"
        mine = [each for each in found.slices if found.path(each.track)[0] == group]
        ends = sorted(
            each.end
            for each in mine
            if each.name.startswith("ncclDevKernel") and "stream 20" in found.path(each.track)[-1]
        )
        truth = [end - first for _, _, _, _, end in rank.collectives]
        assert ends == pytest.approx(truth, abs=2_000)


def _as_nsys(job: Job, rank: made.Rank, path: Path) -> Path:
    """A rank as Nsight Systems exports it: collectives are kernels of a name on a stream, and nothing says of which group."""
    clock = job.clocks[rank.number]
    pid = 1000 + rank.number
    tables: dict[str, list[dict[str, object]]] = {"runtime": [], "kernel": [], "NVTX_EVENTS": []}
    for row in rank.rows:
        start, end, args = clock.at(row["start"]), clock.at(row["end"]), row.get("args", {})
        thread = made_nsys.global_tid(pid, pid)
        if row["cat"] == "kernel":
            on = {"globalPid": made_nsys.global_pid(pid), "streamId": args["stream"], "demangledName": row["name"]}
            tables["kernel"].append(made_nsys.on_gpu(start, end, args["correlation"], **on))
        elif row["cat"] == "cuda_runtime":
            tables["runtime"].append(made_nsys.call(row["name"], start, end, args.get("correlation"), globalTid=thread))
        else:
            tables["NVTX_EVENTS"].append(
                {"start": start, "end": end, "eventType": 59, "text": row["name"], "globalTid": thread}
            )
    return made_nsys.export(path, **tables)


@pytest.mark.parametrize("parquet", [False, True])
def test_ranks_that_nsight_systems_recorded(tmp_path, parquet) -> None:
    job = _job(1, "host", 3000, steps=5)
    folder = tmp_path / "ranks"
    folder.mkdir()
    for rank in job.ranks:
        path = _as_nsys(job, rank, (tmp_path if parquet else folder) / f"rank_{rank.number}.sqlite")
        if parquet:
            made_nsys.as_parquet(path, folder / f"rank_{rank.number}")
    document = read_fleet([folder]).document()
    (found,) = _late(document)
    assert (found.rank, found.cause, found.where) == (1, "host", "forward")
    assert _waits(found) == pytest.approx(sum(job.waited_ns(1).values()) / 3, rel=0.02)
    assert found.lengthens_steps_ns_per_step == pytest.approx(_longer_ns(job, _job(steps=5)), rel=0.02)
    assert {row.recorded_by for row in document.ranks} == {"nsys"} and {row.rank_from for row in document.ranks} == {
        "file-name"
    }
    _sums(document)


# -- which rank is which, and which files can be used


def test_ranks_are_told_by_the_recorder_else_by_names_else_by_order(tmp_path) -> None:
    job = run(training(), 4, 3)
    paths = write(job, tmp_path, own=False)
    found = read_fleet(paths).document()
    assert {row.rank_from for row in found.ranks} == {"file-name"} and [row.rank for row in found.ranks] == [0, 1, 2, 3]
    renamed = [
        path.rename(path.with_name(f"{name}.json")) for path, name in zip(paths, ("d", "c", "b", "a"), strict=True)
    ]
    found = read_fleet(renamed).document()
    assert {row.rank_from for row in found.ranks} == {"order"} and found.ranks[0].files[0].endswith("a.json")
    assert {each.code: each.count for each in found.problems}["ranks-by-order"] == 4
    found = _said(job, tmp_path / "own")
    assert {row.rank_from for row in found.ranks} == {"recorded"}


@read_once()
def test_pieces_of_a_rank_are_one_and_a_copy_is_left_out(tmp_path) -> None:
    job = run(training(2, "data", 3000), 4, 8)
    whole = _said(job, tmp_path / "whole")
    for rank in job.ranks:
        rows = list(rank.rows)
        middle = next(row["start"] for row in rows if row["name"] == "ProfilerStep#8")
        for name, mine in (
            ("a", [row for row in rows if row["end"] <= middle]),
            ("b", [row for row in rows if row["start"] >= middle]),
        ):
            rank.rows = mine
            (tmp_path / f"part-{name}-{rank.number}.json").write_text(json.dumps(made.document(job, rank)))
    parts = sorted(tmp_path.glob("part-*.json"))
    found = read_fleet(parts).document()
    assert [row.steps for row in found.ranks] == [row.steps for row in whole.ranks] == [8, 8, 8, 8]
    assert [each.rank for each in _late(found)] == [2]
    _sums(found)
    copy = tmp_path / "part-z.json"
    copy.write_bytes(parts[0].read_bytes())
    again = read_fleet([*parts, copy]).document()
    assert [(each.file, each.reason) for each in again.skipped] == [
        (str(copy), f"is of rank 0 and of the same time as {parts[0].name}")
    ]
    assert again.account == found.account


def test_bad_files_are_named_and_left_out(tmp_path) -> None:
    paths = write(run(training(2, "data", 3000), 4, 4), tmp_path)
    broken, empty, note, gone = (tmp_path / name for name in ("rank7.json", "rank8.json", "README.md", "rank9.json"))
    broken.write_bytes(paths[0].read_bytes()[:2000])
    empty.touch()
    note.write_text("what these are\n")
    found = read_fleet([*paths, broken, empty, note, gone]).document()
    assert [each.rank for each in _late(found)] == [2]
    reasons = {Path(each.file).name: each.reason for each in found.skipped}
    assert set(reasons) == {"rank7.json", "rank8.json", "README.md", "rank9.json"}
    assert "empty" in reasons["rank8.json"] and "No such file" in reasons["rank9.json"]
    assert {each.code: each.count for each in found.problems}["files-skipped"] == 4
    with pytest.raises(InputError, match="rank7"):
        read_fleet([broken, gone])
    with pytest.raises(InputError):
        read_fleet([tmp_path / "nothing*.json"])


@read_once()
def test_the_order_of_paths_changes_nothing(tmp_path) -> None:
    paths = write(run(training(2, "data", 3000), 4, 4, CLOCKS), tmp_path)
    first = read_fleet(paths).document()
    assert first == read_fleet(paths[::-1]).document() == read_fleet([tmp_path]).document()
    assert first == read_fleet([tmp_path / "rank[0-9].json"]).document() == read_fleet([*paths, tmp_path]).document()


def test_names_are_sorted_by_their_numbers() -> None:
    assert sorted(["rank10", "rank9", "a", "1"], key=natural) == ["1", "a", "rank9", "rank10"]


# -- the command


def _analyze(*arguments: object):
    return CliRunner().invoke(app, ["analyze", *map(str, arguments)])


@read_once()
def test_the_command_says_it_in_every_medium_and_names_what_it_left_out(tmp_path) -> None:
    folder = tmp_path / "ranks"
    write(run(training(2, "data", 3000), 4, 4), folder)
    (folder / "rank4.json").write_text('{"traceEvents": [')
    said = _analyze(folder, "--html", tmp_path / "page.html")
    assert said.exit_code == 0, said.output
    assert "One straggler. Rank 2" in said.stdout and len(said.stdout.splitlines()) < 45
    assert said.stderr.startswith(f"launchlens: left out {folder / 'rank4.json'}: ")
    document = msgspec.json.decode(_analyze(folder, "--json").stdout, type=FleetDocument)
    assert [each.rank for each in _late(document)] == [2] and len(document.skipped) == 1
    assert _analyze(*sorted(folder.iterdir(), reverse=True), "--json").stdout == _analyze(folder, "--json").stdout
    page = (tmp_path / "page.html").read_text()
    assert all(
        f"table-{name}" in page for name in ("ranks", "stragglers", "waits", "rank_time", "fleet_account", "skipped")
    )
    assert "Stragglers" in _analyze(folder, "--format", "markdown").stdout
    # a name in it is the file's own
    assert _analyze(folder, "--show", "stragglers").stdout.count("data") == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--range", "forward"], "is of one trace, and these are several"),
        (["--partial"], "is of one trace, and these are several"),
        (["--show", "kernels"], "'kernels' is none of ranks"),
        (["--workers", "2", "--scheduler", "tcp://x:1"], "give one of --workers and --scheduler"),
        (["--steps", "nothing*"], "rank0.json: holds no range that fits 'nothing*'"),
    ],
)
def test_what_does_not_fit_several_traces_is_refused(tmp_path, more, says) -> None:
    paths = write(run(training(), 2 + 2, 3), tmp_path / "ranks")
    answer = _analyze(tmp_path / "ranks", *more)
    assert answer.exit_code == 2 and says in answer.output and answer.stdout == ""
    one = _analyze(paths[0], "--workers", "2")
    assert one.exit_code == 2 and "is for several traces" in one.output


def test_progress_says_files_rate_and_the_time_that_is_left(monkeypatch, capsys) -> None:
    monkeypatch.setattr(progress, "LINES_APART_S", 0.0)
    monkeypatch.setattr(
        "launchlens.reports.progress.time.monotonic", iter([0.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0]).__next__
    )
    with progress.files(4) as done:
        for _ in range(3):
            done(1)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "read 1 of 4 files, 0.5 files/s, 6 s left"
    assert third == "read 3 of 4 files, 0.5 files/s, 2 s left" and "2 of 4" in second


# -- recorded ones


def _by_hand(folder: Path) -> dict[tuple[int, int], float]:
    """Of recorded ranks of one host how long each waited for each, ns: clocks as they are, launches in a step in order. Nothing of launchlens."""
    starts: dict[tuple[str, int], dict[int, tuple[float, float]]] = {}
    for rank, path in enumerate(sorted(folder.glob("rank*.json.gz"))):
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
        kernels = {
            each["args"]["correlation"]: each
            for each in events
            if each.get("cat") == "kernel" and "nccl" in each["name"]
        }
        calls = [
            each
            for each in events
            if str(each.get("cat")).startswith("cuda_") and each.get("args", {}).get("correlation") in kernels
        ]
        for step in (each for each in events if each.get("name", "").startswith("ProfilerStep")):
            mine = sorted(
                (each for each in calls if step["ts"] <= each["ts"] < step["ts"] + step["dur"]),
                key=lambda call: call["ts"],
            )
            for place, call in enumerate(mine):
                kernel = kernels[call["args"]["correlation"]]
                starts.setdefault((step["name"], place), {})[rank] = kernel["ts"], kernel["ts"] + kernel["dur"]
    found: dict[tuple[int, int], float] = {}
    for ranks in starts.values():
        last = max(ranks, key=lambda rank: ranks[rank][0])
        for rank, (start, end) in ranks.items():
            if rank != last:
                found[rank, last] = found.get((rank, last), 0) + 1e3 * (min(ranks[last][0], end) - start)
    return found


@pytest.mark.parametrize("name", ["even", "slow2"])
def test_one_recorded_step_of_four_ranks(name) -> None:
    document = read_fleet([CUT / name]).document()
    late = [(each.rank, each.cause, each.where) for each in _late(document)]
    assert late == ([(2, "data", "data")] if name == "slow2" else [])
    waited = {(row.rank, row.for_rank): row.ns for row in document.waits}
    for pair, ns in _by_hand(CUT / name).items():
        # what passed on is booked elsewhere, microseconds
        assert waited.get(pair, 0) == pytest.approx(ns, abs=60_000)
    _sums(document)


def _step_ns(folder: Path) -> float:
    """Of recorded ranks how long a step takes from one first collective to the next one, ns, the median. Nothing of launchlens."""
    lengths = []
    for path in sorted(folder.glob("rank*.json.gz")):
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
        at = {each["args"]["correlation"]: each for each in events if each.get("cat") == "kernel"}
        steps = sorted(each["ts"] for each in events if each.get("name", "").startswith("ProfilerStep"))
        ends = []
        for low, high in pairwise([*steps, float("inf")]):
            of = [
                at[each["args"]["correlation"]]
                for each in events
                if str(each.get("cat")).startswith("cuda_")
                and low <= each["ts"] < high
                and "nccl" in at.get(each["args"].get("correlation"), {}).get("name", "")
            ]
            ends.append(max(each["ts"] + each["dur"] for each in of))
        lengths += [1e3 * (after - before) for before, after in pairwise(ends)]
    return float(median(lengths))


#: Unprofiled steps of the whole recordings that BARE is cut from, ms: what a late rank costs, by no trace at all.
EVEN_MS, LATE_MS = 112.1, {"gpu1": 126.3, "host3": 126.7}


@pytest.mark.parametrize(("name", "rank", "cause"), [("gpu1", 1, "gpu"), ("host3", 3, "host")])
def test_what_a_rank_costs_whose_lateness_is_waited_for_beside_other_work(name, rank, cause) -> None:
    """Six collectives a step, beside the backward: all of them wait for the same 15 ms, and a step is 15 ms longer."""
    document = read_fleet([BARE / name]).document()
    (late,) = _late(document)
    assert (late.rank, late.cause) == (rank, cause) and 12e6 < late.lengthens_steps_ns_per_step < 17e6
    assert late.lengthens_steps_ns_per_step == pytest.approx(1e6 * (LATE_MS[name] - EVEN_MS), rel=0.05)
    assert late.lengthens_steps_ns_per_step == pytest.approx(_step_ns(BARE / name) - 1e6 * EVEN_MS, rel=0.05)
    by_hand = sum(ns for (_, behind), ns in _by_hand(BARE / name).items() if behind == rank) / 3 / 3
    assert _waits(late) == pytest.approx(by_hand, rel=0.02) and _waits(late) > 3 * late.lengthens_steps_ns_per_step
    assert late.others_wait_overlapped_ns_per_step > 10 * late.others_wait_exposed_ns_per_step
    assert "of that beside other work" in late.sentence
    assert ("may be more than that" in late.sentence) == (cause == "gpu")
    _sums(document)


@pytest.mark.parametrize("name", ["even", "data2"])
def test_nobody_is_named_where_steps_are_no_longer(name) -> None:
    """In `data2` rank 2's host sleeps 15 ms a step, while its GPU still works on the step before: recorded steps are those of `even`."""
    document = read_fleet([BARE / name]).document()
    assert document.stragglers == [] and all((row.lengthens_steps_ns or 0) < 500_000 for row in document.ranks)
    _sums(document)
    if name == "data2":
        assert _step_ns(BARE / name) == pytest.approx(1e6 * EVEN_MS, rel=0.01)
        events = json.loads(gzip.decompress((BARE / name / "rank2.json.gz").read_bytes()))["traceEvents"]
        for data in (each for each in events if each["name"] == "data" and each["cat"] == "user_annotation"):
            inside = [each for each in events if data["ts"] <= each.get("ts", 0) < data["ts"] + data["dur"]]
            (sync,) = (each for each in inside if each["name"] == "cudaDeviceSynchronize")
            assert (
                sync["ts"] - data["ts"] > 15_000 and sync["dur"] > 80_000
            )  # it slept, and its GPU was not done by far


def test_recorded_ranks_are_as_their_readme_says() -> None:
    if not WHOLE.is_dir():
        pytest.skip("what others recorded is not here")
    even, slow = (read_fleet([WHOLE / name]).document() for name in ("even", "slow2"))
    assert even.stragglers == [] and [row.comes_last for row in even.ranks] == [0, 0, 0, 35]
    for row in even.waits[:3]:
        assert row.for_rank == 3 and 5 * 500_000 < row.ns < 5 * 3_100_000
    assert 500_000 < (even.ranks[3].costs_others_ns or 0) < 3_100_000 > (even.ranks[3].lengthens_steps_ns or 0) > 0
    (late,) = _late(slow)
    assert (late.rank, late.cause, late.where, late.steps) == (2, "data", "data", 5)
    assert 32_000_000 < _waits(late) < 38_100_000
    # most of the 40 ms hides behind the step before, which the GPU still works on: a step is so much longer than one of `even`
    longer = min(row.median_step_ns for row in slow.ranks) - min(row.median_step_ns for row in even.ranks)
    assert 17_000_000 < longer < 20_000_000
    assert late.lengthens_steps_ns_per_step == pytest.approx(longer, rel=0.1)
    assert [row.comes_last for row in slow.ranks] == [0, 0, 35, 0]
    for row in slow.waits[:3]:
        assert row.for_rank == 2 and 5 * 32_000_000 < row.ns < 5 * 38_100_000
    _sums(even)
    _sums(slow)
