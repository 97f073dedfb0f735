"""Probes made up for tests, with every number chosen here; texts of `COPY_ENGINE` are cut from what one H100 said.

`LADDER` and `BACKLOG` have the figures that the probes of these names give; `ALL` holds every state that a probe can be in.
"""

from dataclasses import replace

from launchlens.traces.captures.probes import Control, Probe, ProbeFigure, ProbeTable, concluded, write_probes

FAILED_CONTROL = Control("a bare kernel does not finish with all SMs held", False, "2 of 18 did")
PASSED_CONTROL = Control("every byte is right after the release", True, "0 trials left wrong bytes")

COPY_ENGINE = Probe(
    "copy-engine",
    asks="Does a copy need an SM, or does a copy engine make it?",
    verdict="sm",
    says=(
        "What finished while every thread of all 132 SMs was held needs no SM; what did not, and did with half of the SMs free, "
        "runs on SMs. DtoD, torch copy_, Triton copy: an SM at any size; HtoD, DtoH: no SM at any size; memset: no SM at 128 B, "
        "4 KiB, an SM at 64 KiB, 1 MiB, 16 MiB, 64 MiB. A sentence added to make the answer a long one."
    ),
    control="passed",
    controls=(Control("every operation finishes with half of the SMs wholly free", True, "all did"), PASSED_CONTROL),
    figures=(
        ProbeFigure("DtoD: sizes that needed no SM", 0, "of 6 sizes"),
        ProbeFigure("memset: sizes that needed no SM", 2, "of 6 sizes"),
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


def _ns(name, value, spread=0.02):
    return ProbeFigure(name, value, "ns", (value - abs(value) * spread, value + abs(value) * spread))


#: Of the second ladder one step is below 0, and a figure after the residual belongs to no sum.
LADDER = Probe(
    "launch-ladder",
    asks="Where does the host's time go in one .copy_() and in one Triton launch?",
    verdict=".copy_(): dispatch; Triton: binding",
    says="One call of .copy_() takes the host 4.60 µs. One call of Triton takes the host 13.0 µs.",
    control="passed",
    controls=(PASSED_CONTROL,),
    figures=(
        *(_ns(".copy_(): whole", 4600.0), _ns(".copy_(): loop", 100.0), _ns(".copy_(): dispatch", 2000.0)),
        *(_ns(".copy_(): API call", 2300.0), _ns(".copy_(): residual", 200.0, 0.5)),
        *(_ns("Triton: whole", 13_000.0), _ns("Triton: loop", 100.0), _ns("Triton: binding", 6000.0)),
        *(_ns("Triton: cache key", 4400.0), _ns("Triton: hooks", -300.0), _ns("Triton: API call", 2500.0)),
        *(_ns("Triton: residual", 300.0, 0.5), _ns("Triton: whole without hooks", 12_800.0)),
        ProbeFigure("Triton: whole ÷ .copy_(): whole", 2.826, "ratio", (2.8, 2.9)),
    ),
)
BACKLOG = Probe(
    "backlog",
    asks="How long does the device need for each variant when it never waits for the host?",
    verdict="foreach",
    says="Behind a backlog copy_ takes 6.70 µs of device time.",
    control="passed",
    controls=(PASSED_CONTROL,),
    figures=tuple(
        _ns(f"{variant}: {what}", value)
        for variant, device, eager in (("copy_", 6700.0, 41_000.0), ("foreach", 1400.0, 8000.0))
        for what, value in (("device time behind a backlog", device), ("eager time", eager))
    ),
)
#: As `concluded` makes it of a control that did not pass.
INCONCLUSIVE = concluded(
    "starts-beside",
    asks="Which kernels start beside a held block?",
    verdict="carve-out",
    says="With one block on every SM, a bare kernel did not start.",
    controls=[PASSED_CONTROL, FAILED_CONTROL],
    figures=[ProbeFigure("carve-out: comparisons that it flips", 12, "of 18 comparisons")],
)
#: A file that says an answer in spite of its controls.
OVERCONFIDENT = Probe(
    "stream-synchronize",
    asks="What does a synchronize cost?",
    verdict="cheap",
    says="It is cheap, trust me.",
    control="failed",
    controls=(FAILED_CONTROL,),
)
NO_CONTROL = Probe("no-control", asks="Was there a control?", verdict="yes", says="There was.", control="absent")
FAILED = Probe(
    "triton-compile", asks="What does compiling cost?", verdict="failed", says="RuntimeError: no.", control="passed"
)
NO_VERDICT = Probe("no-verdict", control="passed")

ALL = (COPY_ENGINE, LADDER, BACKLOG, INCONCLUSIVE, OVERCONFIDENT, NO_CONTROL, FAILED, NO_VERDICT)


def with_probes(made, folder, probes):
    """The study as of a capture with these probes, written to `folder`."""
    write_probes(folder, probes)
    return replace(made, capture=replace(made.capture, path=folder))


def hostile_probes(attack, long):
    """Probes whose every text is an attack or a million characters, with more of everything than anybody needs."""
    rows = tuple((attack, number, long if not number else None, True, number / 7) for number in range(10_000))
    many = ProbeTable(attack, (attack, "ns", "c", "d", "e"), rows)
    wide = ProbeTable(long, tuple(f"column {at}" for at in range(500)), (tuple(range(500)),) * 200)
    ragged = ProbeTable("ragged", ("a", "b"), (("only one",), ("one", 2, "three"), ()))
    figures = tuple(ProbeFigure(f"{attack} {at}: whole", 1e308, attack, (-1e308, 1e308)) for at in range(500))
    first = Probe(
        attack,
        asks=attack,
        verdict=attack,
        says=attack + long,
        control="passed",
        controls=(Control(attack, True, attack),) * 300,
        figures=figures,
        tables=(many, wide, ragged, *(ragged,) * 40),
        notes=(attack, long) * 50,
    )
    times = (1e308, -1e308, 0.0, 5.0, None)
    names = (attack, long, "a: b", "a")
    steps = tuple(
        ProbeFigure(f"{name}: {step}", value, "ns", (-1.7e308, 1.7e308))
        for name in names
        for step, value in (("whole", 2000.0), ("x", 1500.0), (attack, -200.0), (long, 600.0), ("residual", 100.0))
    )
    odd = tuple(
        ProbeFigure(f"odd {at}: {step}", value, "ns") for at, value in enumerate(times) for step in ("whole", "x")
    )
    ladder = with_figures(
        LADDER, (*steps, *odd, *(_ns(f"many: {at}", 1.0) for at in range(90)), _ns("many: whole", 90.0))
    )
    both = ("device time behind a backlog", "eager time")
    backlog = with_figures(
        BACKLOG,
        tuple(
            ProbeFigure(f"{name}: {what}", value, "ns", (-1e308, 1e308))
            for name, value in ((attack, 1.0), (long, 9e14), ("odd", 1e308), ("none", None), ("zero", 0.0))
            for what in both
        ),
    )
    failed = concluded(long, asks=long, verdict=long, says=long, controls=[Control(attack, False, long)])
    return [first, ladder, backlog, failed, *(Probe(f"{attack} {at}", tables=(wide,)) for at in range(50))]


def with_figures(probe, figures):
    return Probe(
        probe.id,
        asks=probe.asks,
        verdict=probe.verdict,
        says=probe.says,
        control="passed",
        controls=probe.controls,
        figures=figures,
    )
