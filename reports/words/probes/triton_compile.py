"""The words for the probe `triton-compile`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code
from launchlens.traces.captures.probe_codes import triton_compile as codes
from launchlens.traces.captures.probes import FigureKey, Probe
from launchlens.traces.units import duration

ASKS = "Does every launch of a Triton kernel pay for compilation?"
VERDICTS = {codes.ONCE: "Once", codes.EVERY: "Every launch", codes.DEPENDS: "Depends"}
KINDS = {
    (codes.FIRST, codes.EMPTY_CACHE): "first launch, compiled",
    (codes.FIRST, codes.FULL_CACHE): "first launch, from the disk cache",
    (codes.REPEATED, ""): "repeated launch",
}
#: What is new in a specialisation.
NEW = {
    codes.LENGTH_ONE: "a length of 1, which becomes a constant",
    codes.ODD_LENGTH: "a length that 16 does not divide",
    codes.DTYPE: "another dtype, int64",
    codes.ODD_ADDRESS: "addresses that 16 does not divide",
    codes.BLOCK: "another block, a constexpr",
}
COUNTS = {
    (codes.COMPILATIONS_PER_LAUNCH, codes.REPEATED): "compilations per launch",
    (codes.COMPILATIONS_PER_LAUNCH, codes.NEW): "compilations for a new specialisation",
    (codes.COMPILATIONS, codes.REPEATED): "compilations by repeated launches",
    (codes.COMPILATIONS, codes.AGAIN): "compilations by new specialisations launched again",
    (codes.LOADS, codes.REPEATED): "loads from disk by repeated launches",
    (codes.LAUNCHES, codes.REPEATED): "launches that were repeated",
}


def _says(probe: Probe) -> str:
    parts = []
    launches = probe.value(codes.LAUNCHES, of=codes.REPEATED)
    if launches is not None:
        compiled, loaded = (probe.value(what, of=codes.REPEATED) for what in (codes.COMPILATIONS, codes.LOADS))
        made = f"compiled {compiled:,.0f} times" if compiled else "compiled nothing"
        read = f", and loaded code from disk {loaded:,.0f} times" if loaded else ""
        parts.append(f"{launches:,.0f} launches of a Triton kernel that had been launched before {made}{read}.")
    kinds = {
        "the first launch, which compiles, takes": (codes.FIRST, codes.EMPTY_CACHE),
        "one that finds its code on disk": (codes.FIRST, codes.FULL_CACHE),
        "a repeated one": (codes.REPEATED, ""),
    }
    found = {words: probe.value(codes.HOST_TIME, of=of, under=under) for words, (of, under) in kinds.items()}
    times = [f"{words} {duration(value)}" for words, value in found.items() if value is not None]
    if times:
        parts.append(f"Host time: {', '.join(times)}.")
    new = [item for item in probe.figures if (item.what, item.of) == (codes.COMPILATIONS, codes.NEW) and item.value]
    if new:
        again = probe.value(codes.COMPILATIONS, of=codes.AGAIN)
        parts.append(f"What compiles again, once each: {'; '.join(NEW.get(item.under, item.under) for item in new)}.")
        if again:
            parts.append(f"Launched again, they compiled {again:,.0f} more times.")
    return " ".join(parts)


def _figure(key: FigureKey) -> str:
    if key.what == codes.HOST_TIME and (key.of, key.under) in KINDS:
        return KINDS[key.of, key.under] + (": inside the compiler" if key.part == codes.COMPILER else "")
    if (key.what, key.of) == (codes.COMPILATIONS, codes.NEW):
        return f"compilations for {NEW.get(key.under, key.under)}"
    return COUNTS.get((key.what, key.of), "")


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code(VERDICTS))
