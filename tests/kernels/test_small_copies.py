"""Every variant of small-copies copies; Triton's run under Triton's interpreter, on the CPU."""

import os
import subprocess
import sys

import pytest

from launchlens.kernels import registry
from launchlens.kernels.registry import WorkloadSpec, variant, variants, workload, workloads

torch = pytest.importorskip("torch", reason="the variants need torch")


def spec():
    return next(spec for spec in workloads() if spec.name == "small-copies")


def names():
    return [made.name for made in variants("small-copies")]


def test_the_workload_is_the_notes():
    inputs = spec().make(device="cpu", seed=0)
    assert [source.numel() for source in inputs.sources] == [32, 64, 128, 256, 512, 1024, 2048]
    assert {source.dtype for source in inputs.sources} == {torch.int32}
    assert all(source.is_contiguous() and int(source.min()) >= 0 for source in inputs.sources)
    same, other = spec().make(device="cpu", seed=0), spec().make(device="cpu", seed=1)
    assert torch.equal(inputs.sources[6], same.sources[6])
    assert not torch.equal(inputs.sources[6], other.sources[6])


def test_a_destination_that_was_not_written_is_found():
    inputs = spec().make(device="cpu", seed=0)
    inputs.poison()
    for source, destination in zip(inputs.sources, inputs.destinations, strict=True):
        destination.copy_(source)
    assert inputs.wrong() is None
    inputs.destinations[2][-1] += 1
    assert inputs.wrong() == "1 of 128 elements of copy 2 are not the source's"
    inputs.poison()
    assert inputs.wrong() == "32 of 32 elements of copy 0 are not the source's"


def test_the_four_variants_are_there():
    assert set(names()) >= {"copy_", "triton-per-tensor", "triton-batched", "foreach"}
    assert names()[0] == "copy_", "the baseline comes first"


IN_INTERPRETER = """
import sys
from launchlens.kernels.registry import variants, workloads
spec = next(spec for spec in workloads() if spec.name == "small-copies")
made = next(made for made in variants("small-copies") if made.name == sys.argv[1])
sizes = tuple(int(size) for size in sys.argv[2].split(","))
for seed in range(2):
    inputs = spec.make(device="cpu", seed=seed, sizes=sizes)
    iteration = made.build(inputs)
    inputs.poison()
    iteration()
    assert inputs.wrong() is None, inputs.wrong()
print("right")
"""


@pytest.mark.parametrize("name", ["copy_", "foreach", "triton-batched", "triton-per-tensor"])
@pytest.mark.parametrize("sizes", ["32,64,128,256,512,1024,2048", "1,3,1023,1024,1025,2047,5000"])
def test_a_variant_copies_even_and_odd_sizes(name, sizes):
    if name.startswith("triton"):
        pytest.importorskip("triton", reason="Triton's variants need Triton")
    # a process of its own: Triton reads TRITON_INTERPRET when a kernel is defined
    answer = subprocess.run(
        [sys.executable, "-c", IN_INTERPRETER, name, sizes],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.stdout == "right\n", answer.stderr


def test_batched_refuses_a_number_of_tensors_it_has_no_room_for():
    batched = next(made for made in variants("small-copies") if made.name == "triton-batched")
    with pytest.raises(ValueError, match="7 tensors, not 3"):
        batched.build(spec().make(device="cpu", seed=0, sizes=(1, 2, 3)))


def test_names_and_regimes_are_checked_when_registered(monkeypatch):
    monkeypatch.setattr(registry, "_variants", {})
    monkeypatch.setattr(registry, "_workloads", {})
    build = variant("w", "v", says="once")(lambda inputs: lambda: None)
    assert build is not None
    with pytest.raises(ValueError, match="two variants"):
        variant("w", "v", says="twice")(lambda inputs: lambda: None)
    with pytest.raises(ValueError, match="unknown regimes"):
        variant("w", "x", says="", regimes=("warp",))
    workload(WorkloadSpec("w", "", "v", lambda **_: None))
    with pytest.raises(ValueError, match="two workloads"):
        workload(WorkloadSpec("w", "", "v", lambda **_: None))
