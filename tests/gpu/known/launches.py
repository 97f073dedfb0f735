"""The loops of the probe `launch-floor` under the light recorder: what each API call costs with it, corrected, and without.

python tests/gpu/known/launches.py OUTPUT.json
"""

import json
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[3]
CALLS, ROUNDS = 50, 24


def main(output):
    import pandas as pd
    import torch

    from launchlens.profiling.checking import synchronize
    from launchlens.profiling.collectors.light.session import LightSession
    from launchlens.profiling.probes.apparatus.answer_word import AnswerWord
    from launchlens.profiling.probes.launch_floor.paths import Paths
    from launchlens.profiling.rounds import Rounds, iterations_of
    from launchlens.profiling.timing import Entry
    from launchlens.traces.captures.capture import TIMING_COLUMNS, typed
    from launchlens.traces.captures.light import ACCOUNT_COLUMNS, BURSTS
    from launchlens.traces.studies.explained import LightAccounts
    from launchlens.traces.studies.per_iteration import per_iteration
    from launchlens.traces.studies.side import Side

    session, stream = LightSession("cuda"), torch.cuda.Stream()
    with torch.cuda.stream(stream), AnswerWord() as word:
        made = Paths(stream, word)
        paths = [item for _, make in made.makers() for item in make()]
        truth = {item.path.name: [] for item in paths}

        def entry(item):
            def iteration():
                item.burst(CALLS)
                torch.cuda.synchronize()

            return Entry(item.path.name, "eager", iteration)

        entries, rows, failures = [*map(entry, paths), *session.bursts()], [], {}
        for item in paths:
            item.sample(CALLS, 1, 0, torch.cuda.synchronize)
        iterations = iterations_of(entries, lambda: synchronize("cuda"), failures)
        for number in range(ROUNDS // 4):  # truth and recording in turn: a host drifts
            for item in paths:
                for _ in range(10):
                    truth[item.path.name].append(item.burst(CALLS) / CALLS)
                    torch.cuda.synchronize()
            some = []
            before = len(session.blocks.rows)
            Rounds(entries, iterations, "cuda", some, failures, session.blocks, number).run(4, lambda done: None)
            for row in (*some, *session.blocks.rows[before:]):
                row["round"] += 4 * number
            rows += some
    assert not failures, failures
    timings = typed(pd.DataFrame(rows), TIMING_COLUMNS)
    accounts = typed(pd.DataFrame(session.blocks.rows), ACCOUNT_COLUMNS)
    bursts = timings["regime"] == BURSTS
    light = LightAccounts(timings[~bursts], accounts, timings[bursts], session.inside_ns)
    unrecorded, found = per_iteration(timings), {}
    for item in paths:
        blocks = unrecorded[unrecorded["variant"] == item.path.name].set_index("round")
        explained = light.explain(Side(item.path.name, "eager", "", blocks, None))
        assert explained is not None, item.path.name
        found[item.path.name] = {
            "loop": item.path.loop,
            "without_ns": median(truth[item.path.name]),
            "marginal_ns": explained.marginal_ns,
            "not_attributed_ns": explained.not_attributed.ns,
            # a burst calls a few more before it looks at the clock
            "parts_ns": {part.state: part.ns / (CALLS + LEAD) for part in explained.parts},
        }
    Path(output).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    from launchlens.profiling.collectors.light.session import start_again
    from launchlens.profiling.probes.launch_floor.timed_calls import LEAD

    start_again(sys.argv)
    main(sys.argv[1])
