"""Probes made up for tests, with every number chosen here.

`LADDER` and `BACKLOG` have the figures that the probes of these names give; `ALL` holds every state that a probe can be in.
"""

from dataclasses import replace

from msgspec.structs import replace as replaced

from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.traces.captures.probes import Control, Probe, ProbeFigure, ProbeTable, write_probes

FAILED_CONTROL = Control("a bare kernel does not finish with all SMs held", False, "2 of 18 did")
PASSED_CONTROL = Control("every byte is right after the release", True, "0 trials left wrong bytes")

COPY_ENGINE = Probe(
    "copy-engine",
    verdict="sm",
    control="passed",
    controls=(Control("every operation finishes with half of the SMs wholly free", True, "all did"), PASSED_CONTROL),
    figures=(
        *(
            ProbeFigure(what="sizes-without-an-sm", of=of, value=count, unit="sizes", out_of=6)
            for of, count in (("DtoD", 0), ("HtoD", 6), ("DtoH", 6), ("torch-copy_", 0), ("memset", 2))
        ),
        ProbeFigure(what="largest-size-without-an-sm", of="memset", value=4096, unit="bytes"),
        ProbeFigure(what="smallest-size-with-an-sm", of="memset", value=65_536, unit="bytes"),
        ProbeFigure(what="sms", value=132, unit="SMs"),
    ),
    tables=(
        ProbeTable(
            "Trials: finished while the SMs were held",
            ("operation", "bytes", "needs", "held all: finished", "held all: median ns", "right"),
            (
                ("DtoD", 128, "an SM", "0 of 3", None, True),
                ("HtoD", 128, "no SM", "3 of 3", 600_755, True),
                ("memset", 65_536, "an SM", "0 of 3", None, False),
            ),
        ),
    ),
    notes=("3 trials each of 6 sizes, 128 B to 64 MiB.",),
)


def _ns(value, spread=0.02, **fields):
    interval = (value - abs(value) * spread, value + abs(value) * spread)
    return ProbeFigure(**fields, value=value, unit="ns", interval=interval)


def whole(of, value, **more):
    return _ns(value, what="ladder-whole", of=of, **more)


def step(of, part, value, **more):
    return _ns(value, what="ladder-step", of=of, part=part, **more)


def residual(of, value, **more):
    return _ns(value, 0.5, what="residual", of=of, **more)


#: Of the second ladder one step is below 0, and a figure after the residual belongs to no sum.
LADDER = Probe(
    "launch-ladder",
    verdict=".copy_(): api-call; Triton: binding",
    control="passed",
    controls=(PASSED_CONTROL,),
    figures=(
        *(whole(".copy_()", 4600.0), step(".copy_()", "loop", 100.0), step(".copy_()", "dispatch", 2000.0)),
        *(step(".copy_()", "api-call", 2300.0), residual(".copy_()", 200.0)),
        *(whole("Triton", 13_000.0), step("Triton", "loop", 100.0), step("Triton", "binding", 6000.0)),
        *(step("Triton", "look-up", 4400.0), step("Triton", "hooks", -300.0), step("Triton", "api-call", 2500.0)),
        *(residual("Triton", 300.0), whole("Triton", 12_800.0, under="no-hooks")),
        ProbeFigure(what="ratio", of="Triton", to=".copy_()", value=2.826, unit="ratio", interval=(2.8, 2.9)),
    ),
)
BACKLOG = Probe(
    "backlog",
    verdict="ranking-holds",
    control="passed",
    controls=(PASSED_CONTROL,),
    figures=tuple(
        _ns(value, what=what, of=variant, under=under)
        for variant, device, eager in (("copy_", 6700.0, 41_000.0), ("foreach", 1400.0, 8000.0))
        for what, under, value in (("device-time", "backlog", device), ("wall-time", "eager", eager))
    ),
)


def cost(of, part, value, what="host-cost", spread=0.02):
    return _ns(value, spread, what=what, of=of, part=part)


#: Whole costs, so that sums can be worked out by hand.
LAUNCH_COSTS = Probe(
    "launch-costs",
    verdict="linear",
    control="passed",
    controls=(PASSED_CONTROL,),
    figures=(
        *(cost("torch-copy_", "iteration", 200.0), cost("torch-copy_", "launch", 4000.0)),
        *(cost("torch-foreach-copy_", "launch", 6000.0), cost("torch-foreach-copy_", "argument", 200.0)),
        *(cost("triton", "iteration", 300.0), cost("triton", "launch", 8000.0), cost("triton", "argument", 100.0)),
        *(cost("torch-graph-replay", "launch", 2500.0), cost("torch-graph-replay", "kernel-node", 50.0)),
        *(cost("torch-graph-replay", "memcpy-node", 60.0), cost("cpp-graph-launch", "launch", 1500.0)),
        cost("torch-graph-replay", "launch", 1000.0, "device-cost"),
        cost("torch-graph-replay", "kernel-node", 1100.0, "device-cost"),
        cost("torch-graph-replay", "memcpy-node", 1000.0, "device-cost"),
        ProbeFigure(what="misfit", of="triton", under="host-cost", value=0.01, unit="share"),
        ProbeFigure(what="rounds", under="with-variants", value=20, unit="rounds"),
    ),
)
#: As `concluded` makes it of a control that did not pass.
INCONCLUSIVE = concluded(
    "starts-beside",
    verdict="carve-out",
    controls=[PASSED_CONTROL, FAILED_CONTROL],
    figures=[ProbeFigure(what="comparisons that flip", value=12, unit="comparisons", out_of=18)],
)
#: A file that says an answer in spite of its controls.
OVERCONFIDENT = Probe(
    "no-longer-made",
    asks="What does a synchronize cost?",
    verdict="cheap",
    says="It is cheap, trust me.",
    control="failed",
    controls=(FAILED_CONTROL,),
)
NO_CONTROL = Probe("no-control", asks="Was there a control?", verdict="yes", says="There was.", control="absent")
FAILED = Probe("triton-compile", verdict="failed", why="RuntimeError: no", control="passed")
#: One that launchlens no longer makes, and has no words for.
RECORDED = Probe(
    "gone",
    asks="Which kernels start?",
    verdict="carve-out",
    says="Those that prefer the same carve-out.",
    control="passed",
    controls=(PASSED_CONTROL,),
    figures=(ProbeFigure(what="kernels that wait", value=5, unit="kernels", out_of=7),),
)
NO_VERDICT = Probe("no-verdict", control="passed")

ALL = (COPY_ENGINE, LADDER, BACKLOG, INCONCLUSIVE, OVERCONFIDENT, NO_CONTROL, FAILED, NO_VERDICT, RECORDED)


def with_probes(made, folder, probes):
    """The study as of a capture with these probes, written to `folder`."""
    write_probes(folder, probes)
    return replace(made, capture=replace(made.capture, path=folder))


def hostile_probes(attack, long):
    """Probes whose every text is an attack or a million characters, with more of everything than anybody needs.

    All of it within what a capture's small file may hold, or it would not be read at all.
    """
    rows = tuple((attack, number, long if not number else None, True, number / 7) for number in range(10_000))
    many = ProbeTable(attack, (attack, "ns", "c", "d", "e"), rows)
    broad = ProbeTable(long, tuple(f"column {at}" for at in range(500)), (tuple(range(500)),) * 200)
    others = ProbeTable(attack, broad.columns, broad.rows[:50])
    ragged = ProbeTable("ragged", ("a", "b"), (("only one",), ("one", 2, "three"), ()))
    figures = tuple(
        ProbeFigure(
            what=f"{attack} {at}", of=attack if at else long, value=1e308, unit=attack, interval=(-1e308, 1e308)
        )
        for at in range(500)
    )
    first = Probe(
        attack,
        asks=attack,
        verdict=attack,
        says=attack + long,
        control="passed",
        controls=(Control(attack, True, attack),) * 300,
        figures=figures,
        tables=(many, broad, ragged, *(ragged,) * 40),
        notes=(attack, long, *(attack,) * 98),
    )
    times = (1e308, -1e308, 0.0, 5.0, None)
    names = (attack, long, "a: b", "a")
    wide = {"unit": "ns", "interval": (-1.7e308, 1.7e308)}
    parts = (("x", 1500.0), (attack, -200.0), (long, 600.0))
    steps = tuple(
        ProbeFigure(what=what, of=name, part=part, value=value, **wide)
        for name in names
        for what, part, value in (
            *(("ladder-whole", "", 2000.0), ("residual", "", 100.0)),
            *(("ladder-step", part, value) for part, value in parts),
        )
    )
    odd = tuple(
        ProbeFigure(what=what, of=f"odd {at}", part=part, value=value, unit="ns")
        for at, value in enumerate(times)
        for what, part in (("ladder-whole", ""), ("ladder-step", "x"))
    )
    ladder = with_figures(
        LADDER, (*steps, *odd, *(step("many", str(at), 1.0) for at in range(90)), whole("many", 90.0))
    )
    backlog = with_figures(
        BACKLOG,
        tuple(
            ProbeFigure(what=what, of=name, under=under, value=value, **wide)
            for name, value in ((attack, 1.0), (long, 9e14), ("odd", 1e308), ("none", None), ("zero", 0.0))
            for what, under in (("device-time", "backlog"), ("wall-time", "eager"))
        ),
    )
    failed = concluded(long, verdict=long, controls=[Control(attack, False, long)])
    return [first, ladder, backlog, failed, *(Probe(f"{attack} {at}", tables=(others,)) for at in range(50))]


def with_figures(probe, figures):
    return replaced(probe, figures=tuple(figures))
