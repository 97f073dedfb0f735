"""Every variant of nsa-metadata leaves the same bits in every backend's buffers, and nothing beside them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launchlens.kernels.nsa_metadata.workload import NAMES, POISON, Shape, facts, make
from launchlens.kernels.registry import variants, workloads

torch = pytest.importorskip("torch", reason="the variants need torch")

VARIANTS = [made.name for made in variants("nsa-metadata")]
PARTS = {made.name: made.part_of for made in variants("nsa-metadata") if made.part_of is not None}
SMALL = {"backends": 2, "batch": 3, "most": 4, "longest": 21, "context": 40, "page": 8, "queries": 2, "selected": 10}


def spec():
    return next(spec for spec in workloads() if spec.name == "nsa-metadata")


def build(name, inputs):
    return next(made for made in variants("nsa-metadata") if made.name == name).build(inputs)


def test_the_variants_are_there_and_the_baseline_first():
    assert VARIANTS[0] == "recompute" == spec().baseline
    assert set(VARIANTS) == {
        "recompute",
        "recompute-cached-index",
        "recompute-cached-table",
        "precompute-copy",
        "precompute-copy-cached-index",
        "precompute-foreach",
        *PARTS,
    }
    assert all(made.needs == ("torch",) for made in variants("nsa-metadata"))


@st.composite
def shapes(draw):
    most, context = draw(st.integers(1, 9)), draw(st.integers(1, 70))
    longest = draw(st.integers(1, context))
    return {
        "backends": draw(st.integers(1, 8)),
        "batch": draw(st.integers(1, most)),
        "most": most,
        "longest": longest,
        "context": context,
        "page": draw(st.sampled_from([1, 3, 16, 64, 100])),
        "queries": draw(st.integers(1, min(longest, 5))),
        "selected": draw(st.integers(1, 80)),
    }


def test_the_bytes_of_a_refresh_are_those_of_what_it_writes():
    made = spec().with_parameters({"backends": "3", "batch": "5"})
    inputs = made.inputs(device="cpu", seed=0)
    written = [inputs.destination(backend, name) for backend in range(3) for name in NAMES]
    assert made.described()["bytes"] == sum(part.numel() * part.element_size() for part in written)


@pytest.mark.parametrize("name", VARIANTS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes(), seed=st.integers(0, 2**31))
def test_a_variant_is_bit_identical_at_odd_sizes(name, shape, seed):
    inputs = make(device="cpu", seed=seed, **shape)
    iteration = build(name, inputs)
    for _ in range(2):
        inputs.poison()
        assert inputs.wrong() is not None
        iteration()
        assert inputs.wrong() is None, inputs.wrong()


def test_parts_name_the_whole_that_they_are_part_of():
    assert PARTS == {
        "copies-only": "precompute-copy",
        "copies-one-backend": "precompute-copy",
        "transform-only": "recompute",
        "transform-only-cached-index": "recompute-cached-index",
    }


@pytest.mark.parametrize("name", ["copies-one-backend", "transform-only"])
def test_a_part_that_writes_more_than_its_part_is_wrong(name):
    inputs = make(device="cpu", seed=0, **SMALL)
    part = build(name, inputs)
    inputs.poison()
    part()
    assert inputs.wrong() is None
    assert int(inputs.backends[1]["lengths"].max()) == POISON
    inputs.destination(1, "lengths").copy_(inputs.lengths)
    assert "lengths of backend 1" in str(inputs.wrong())


@pytest.mark.parametrize("name", NAMES)
def test_one_wrong_element_and_one_written_too_far_are_found(name):
    inputs = make(device="cpu", seed=0, **SMALL)
    iteration = build("recompute", inputs)
    inputs.poison()
    iteration()
    buffer = inputs.backends[1][name]
    right = buffer.clone()
    last = buffer[inputs.shape.written(name)][-1]
    (last[-1] if last.dim() else last).add_(1)
    assert f"1 of {buffer.numel()} elements of {name} of backend 1" in str(inputs.wrong())
    buffer.copy_(right)
    assert inputs.wrong() is None
    flat = buffer.view(-1)
    assert flat[-1] == POISON, "the last element lies outside what is written"
    flat[-1] = 0
    assert name in str(inputs.wrong())


def test_the_values_by_hand():
    inputs = make(device="cpu", seed=0, **(SMALL | {"batch": 2, "most": 3}))
    inputs.lengths.copy_(torch.tensor([5, 21]))
    inputs.poison()
    build("precompute-copy", inputs)()
    first, second = inputs.backends
    empty = [POISON]
    assert first["lengths"].tolist() == first["lengths_long"].tolist() == [5, 21, *empty]
    assert first["cu_lengths"].tolist() == [0, 5, 26, *empty]
    assert first["selected"].tolist() == [5, 10, *empty]
    assert first["cu_selected"].tolist() == [0, 5, 15, *empty]
    assert first["expanded"].tolist() == [4, 5, 20, 21, *empty * 2]
    assert first["expanded_selected"].tolist() == [4, 5, 10, 10, *empty * 2]
    assert (first["step_lengths"].tolist(), second["step_lengths"].tolist()) == ([6, 22, *empty], [7, 23, *empty])
    row = inputs.rows[inputs.requests[1], :21]
    assert first["token_table"][1].tolist() == [*row.tolist(), *empty * 19]
    assert first["page_table"][1].tolist() == [token // 8 for token in row.tolist()[::8]] + empty * 2


def contiguous_and_alike(destination, source):
    return destination.dtype == source.dtype and destination.is_contiguous() and source.is_contiguous()


def test_the_copies_are_the_mixture_that_is_documented(monkeypatch):
    """Seven of ten may be memcpys; ten copies a backend, in four groups for foreach."""
    inputs = spec().inputs(device="cpu", seed=0)
    iteration, grouped = build("precompute-copy", inputs), build("precompute-foreach", inputs)
    copies: list[Any] = []
    groups: list[int] = []
    plain, foreach = torch.Tensor.copy_, torch._foreach_copy_

    def copy_(*pair):
        copies.append(pair)
        return plain(*pair)

    def foreach_copy_(destinations, sources):
        groups.append(len(destinations))
        foreach(destinations, sources)

    with monkeypatch.context() as patched:
        patched.setattr(torch.Tensor, "copy_", copy_)
        patched.setattr(torch, "_foreach_copy_", foreach_copy_)
        iteration()
        assert len(copies) == 4 * len(NAMES) == spec().described()["copies"]
        assert sum(contiguous_and_alike(*pair) for pair in copies) == 4 * 7
        grouped()
    assert sorted(groups) == [4, 4, 8, 24], "cast, int64, tables, the rest"


def operators(name, **parameters):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = []

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.seen.append(str(function))
            return function(*args, **(kwargs or {}))

    iteration = build(name, make(device="cpu", seed=0, **(SMALL | parameters)))
    with Count() as count:
        iteration()
    return count.seen


def test_what_is_computed_per_backend_and_what_once():
    assert operators("recompute", backends=6).count("aten.cumsum.default") == 12
    assert operators("precompute-copy", backends=6).count("aten.cumsum.default") == 2
    for name, times in (("recompute", 6), ("precompute-copy", 1)):
        assert sum("arange" in operator for operator in operators(name, backends=6)) == times
        assert not any("arange" in operator for operator in operators(f"{name}-cached-index", backends=6))
    divided = [sum("floor_divide" in one for one in operators(name, backends=6)) for name in
               ("recompute", "recompute-cached-index", "recompute-cached-table")]  # fmt: skip
    assert divided == [6, 6, 1]


def test_what_the_parts_do_alone():
    """The copies without what is computed, and the transform with its copy and nothing else."""
    assert set(operators("copies-only", backends=6)) <= {"aten.copy_.default", "aten.slice.Tensor", "aten.select.int"}
    copies = [operators(name, backends=6).count("aten.copy_.default") for name in ("copies-only", "copies-one-backend")]
    assert copies == [6 * len(NAMES), len(NAMES)]
    for name, arange in (("transform-only", 6), ("transform-only-cached-index", 0)):
        seen = [one for one in operators(name, backends=6) if "slice" not in one]
        assert sum("arange" in one for one in seen) == arange
        assert len(seen) - arange == 6 * 3, "a gather, a division and a copy for each backend"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch": 5}, "batch: 5 is more than most, 4"),
        ({"longest": 41}, "longest: 41 is more than context, 40"),
        ({"queries": 22}, "queries: 22 is more than longest, 21"),
        ({"backends": 0}, "backends: 0 is less than 1"),
        ({"page": 10**9}, "page: 1000000000 is more than"),
        ({"most": 2**30}, "more than 2\\*\\*31 elements"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        facts(**(SMALL | change))
    with pytest.raises(ValueError, match=says):
        Shape(**(SMALL | change))
