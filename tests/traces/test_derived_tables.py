"""Tables made of the event table are as they are declared: every column, its dtype, and nulls where there is nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from costly import costly
from hypothesis import given
from hypothesis import strategies as st

from events import events, gpu, host, joined, windows
from launchlens.traces.joined import join
from launchlens.traces.launches.table import LAUNCH_COLUMNS
from launchlens.traces.ranges import INSTANCE_COLUMNS
from launchlens.traces.schema import SchemaError, check
from launchlens.traces.slice import WINDOW_COLUMNS
from launchlens.traces.source import open_trace
from launchlens.traces.timeline import TIMELINE_COLUMNS, timeline
from launchlens.traces.windows import blocks, whole_trace

DATA = Path(__file__).parents[2] / "traces" / "recorded" / "small-copies-h100"
ROWS = [
    host("range", "with work", 0, 40),
    host("range", "without", 50, 60),
    host("api", "cudaLaunchKernel", 2, 5, correlation=1),
    host("api", "cudaLaunchKernel", 52, 55, correlation=2),  # nothing recorded
    gpu("kernel", 10, 30, 1),
    gpu("kernel", 70, 80, stream=None),
]


def check_all(made, window):
    check(made.launches.table, LAUNCH_COLUMNS)
    check(made.instances, INSTANCE_COLUMNS)
    check(window.per_window, WINDOW_COLUMNS)
    check(timeline(window.middle_window()).events, TIMELINE_COLUMNS)


def test_what_is_absent_is_null():
    made = joined(events(ROWS))
    table = made.launches.table
    assert list(table["activities"]) == [1, 0]
    for column, value in (("gpu_start_ns", 10), ("gpu_end_ns", 30), ("gpu_ns", 20), ("activity", "kernel")):
        assert table[column].iloc[0] == value and pd.isna(table[column].iloc[1])
    instances = made.instances.set_index("name")
    for column, value in (("gpu_start_ns", 10), ("gpu_end_ns", 30), ("gpu_projection_ns", 20)):
        assert instances.loc["with work", column] == value and instances.loc["without", column] is pd.NA
    per_window = windows(made.events, [0, 50, 60], [40, 60, 65]).per_window
    assert list(per_window["launches"]) == [1, 1, 0]
    for column, values in {
        "gpu_projection_ns": [20, None, None],
        "api_ns": [3, 3, None],
        "queue_ns": [5, None, None],
        "gpu_ns": [20, None, None],
    }.items():
        assert [None if pd.isna(value) else value for value in per_window[column]] == values


def test_an_event_of_a_timeline_that_belongs_to_no_launch_has_none():
    shown = timeline(windows(events(ROWS), [0], [60])).events
    check(shown, TIMELINE_COLUMNS)
    launch = {(row.lane, row.name, row.start_ns): row.launch for row in shown.itertuples()}
    assert launch["host", "cudaLaunchKernel", 2] == launch["gpu", "kernel", 10] == 0
    assert launch["host", "cudaLaunchKernel", 52] == 1
    assert launch["host", "with work", 0] is pd.NA and ("gpu", "kernel", 70) not in launch


def test_a_process_that_is_not_named_is_null():
    made = joined(events([host("api", "cudaLaunchKernel", 0, 5, correlation=1, process=None), gpu("kernel", 6, 7, 1)]))
    check(made.launches.table, LAUNCH_COLUMNS)
    assert pd.isna(made.launches.table["process"].iloc[0]) and made.launches.table["thread"].iloc[0] == "1"


@costly
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["range", "op", "api", "kernel", "memcpy", "graph"]),
            st.integers(0, 90),
            st.integers(0, 30),
            st.integers(1, 6) | st.none(),
        ),
        max_size=25,
    )
)
def test_tables_of_any_events_are_as_declared(rows):
    made_rows = [host("api", "cudaLaunchKernel", 0, 1)]
    for kind, start, length, correlation in rows:
        name = "cudaLaunchKernel" if kind == "api" else kind
        given = {"kind": kind, "name": name, "start_ns": start, "dur_ns": length}
        made_rows.append(given | ({"correlation": correlation} if kind not in ("range", "op") else {}))
    frame = events(made_rows)
    check_all(joined(frame), windows(frame, [0, 40], [30, 100]))


@pytest.mark.parametrize("name", ["torch/eager.pt.trace.json.gz", "nsys/graph.sqlite", "cupti/eager.parquet"])
def test_tables_of_recordings_are_as_declared(name):
    made = join(open_trace(DATA / name))
    check_all(made, whole_trace(made))
    check_all(made, blocks(made)["copy_"])


def test_a_table_that_is_not_as_declared_is_refused():
    table = joined(events(ROWS)).launches.table
    for wrong in (
        table.drop(columns="row"),
        table.assign(more=1),
        table.assign(gpu_ns=table["gpu_ns"].fillna(-1).astype(np.int64)),
        table.assign(start_ns=pd.array([None, 1], "Int64")),
        table.assign(submits=pd.Categorical([None, "kernel"])),
    ):
        with pytest.raises(SchemaError):
            check(wrong, LAUNCH_COLUMNS)
