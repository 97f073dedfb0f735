"""Every variant of small-copies copies; Triton's run under Triton's interpreter, on the CPU."""

import importlib.util
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from launchlens.kernels import registry
from launchlens.kernels.registry import (
    NotForTheseInputsError,
    WorkloadSpec,
    variant,
    variants,
    workload,
    workloads,
)
from launchlens.kernels.small_copies.triton_signature import source_of
from launchlens.kernels.small_copies.workload import SmallCopies

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


#: Runs what is asked on stdin, a list of [variant, sizes], and prints what is wrong with each, null where nothing is.
IN_INTERPRETER = """
import json, sys
from launchlens.kernels.registry import variants, workloads
spec = next(spec for spec in workloads() if spec.name == "small-copies")
made = {made.name: made for made in variants("small-copies")}
def fault(name, sizes):
    try:
        for seed in range(2):
            inputs = spec.make(device="cpu", seed=seed, sizes=tuple(sizes))
            iteration = made[name].build(inputs)
            inputs.poison()
            iteration()
            if inputs.wrong() is not None:
                return inputs.wrong()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
print(json.dumps([fault(name, sizes) for name, sizes in json.load(sys.stdin)]))
"""


HERE = ["copy_", "foreach", "flat-buffer", "flat-buffer-packed"]
INTERPRETED = ["triton-batched", "triton-per-tensor", "triton-table", "triton-table-rebuilt"]
SIZES = [(32, 64, 128, 256, 512, 1024, 2048), (1, 3, 1023, 1024, 1025, 2047, 5000)]
COUNTS = [1, 2, 3, 20, 63, 64]


def sizes_of(count):
    return tuple(1 + 300 * index % 2500 for index in range(count))


@pytest.fixture(scope="module")
def faults():
    """What is wrong with each variant for each of the sizes that a test asks about, by both.

    All run in one other process: Triton reads TRITON_INTERPRET when a kernel is defined.
    """
    here = HERE if importlib.util.find_spec("triton") is None else [*HERE, *INTERPRETED]
    asked = [(name, sizes) for name in here for sizes in SIZES]
    if "triton-batched" in here:
        asked += [("triton-batched", sizes_of(count)) for count in COUNTS]
    answer = subprocess.run(
        [sys.executable, "-c", IN_INTERPRETER],
        input=json.dumps(asked),
        env=os.environ | {"TRITON_INTERPRET": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    return dict(zip(asked, json.loads(answer.stdout), strict=True))


@pytest.mark.parametrize("name", [*HERE, *INTERPRETED])
@pytest.mark.parametrize("sizes", SIZES)
def test_a_variant_copies_even_and_odd_sizes(name, sizes, faults):
    if name.startswith("triton"):
        pytest.importorskip("triton", reason="Triton's variants need Triton")
    assert faults[name, sizes] is None


@pytest.mark.parametrize("count", COUNTS)
def test_batched_copies_any_number_up_to_its_room(count, faults):
    pytest.importorskip("triton", reason="Triton's variants need Triton")
    assert faults["triton-batched", sizes_of(count)] is None


def test_batched_is_skipped_beyond_its_room():
    batched = next(made for made in variants("small-copies") if made.name == "triton-batched")
    with pytest.raises(NotForTheseInputsError, match="at most 64 tensors in one launch, not 65"):
        batched.build(spec().make(device="cpu", seed=0, sizes=(1,), count=65))


@pytest.mark.parametrize(("name", "longest"), [("triton-batched", 65_535 * 1024), ("triton-table", 2 * 65_535 * 1024)])
def test_a_copy_that_no_grid_is_large_enough_for_is_skipped(name, longest):
    """Eight copies of 64 MB, the longest of 256 MB: CUDA's answer would be "invalid argument"."""
    made = next(made for made in variants("small-copies") if made.name == name)
    word = 8 if name == "triton-table" else 4
    too_long = torch.empty(longest + 1024, dtype=torch.int32, device="meta")
    says = f"at most 65535 programs a tensor, not {-(-(longest + 1024) * 4 // word // 1024)}"
    with pytest.raises(NotForTheseInputsError, match=says):
        made.build(SmallCopies([too_long], [too_long]))


@pytest.mark.parametrize("count", [1, 7, 64])
def test_the_kernels_source_gives_each_tensor_one_program(count):
    """Walked as Python: program w must copy tensor w, whatever the halving."""
    copied: list[tuple[object, ...]] = []
    programs = iter(range(count))
    scope: dict[str, Any] = {
        "tl": SimpleNamespace(program_id=lambda axis: next(programs), constexpr=int),
        "copy_block": lambda *arguments: copied.append(arguments),
    }
    exec(source_of(count), scope)  # noqa: S102  the source under test
    numbers = [f"{letter}{index}" for letter in "dsn" for index in range(count)]
    for _ in range(count):
        scope[f"copy_{count}"](*numbers, 1024)
    assert copied == [(f"d{index}", f"s{index}", f"n{index}", 1024) for index in range(count)]


def test_the_kernel_for_64_tensors_compiles_for_a_gpu():
    """No GPU is needed to compile; run in a process without the interpreter."""
    pytest.importorskip("triton", reason="compiles a Triton kernel")
    code = (
        "from triton.backends.compiler import GPUTarget\n"
        "from triton.compiler import ASTSource, compile\n"
        "from launchlens.kernels.small_copies.triton_signature import kernel_of\n"
        "kernel = kernel_of(64)\n"
        "kinds = {'d': '*i32', 's': '*i32', 'n': 'i32', 'B': 'constexpr'}\n"
        "signature = {name: kinds[name[0]] for name in kernel.arg_names}\n"
        "made = compile(ASTSource(kernel, signature, {(192,): 1024}), target=GPUTarget('cuda', 90, 32))\n"
        "print(made.metadata.name, 'st.global' in made.asm['ptx'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True)
    assert answer.stdout == "copy_64 True\n", answer.stderr


@pytest.mark.parametrize(
    ("texts", "lengths"),
    [
        ({}, [32, 64, 128, 256, 512, 1024, 2048]),
        ({"count": "3"}, [32, 64, 128]),
        ({"count": "9"}, [32, 64, 128, 256, 512, 1024, 2048, 32, 64]),
        ({"sizes": "5,1"}, [5, 1]),
        ({"sizes": "5,1", "count": "5"}, [5, 1, 5, 1, 5]),
    ],
)
def test_count_repeats_the_sizes(texts, lengths):
    changed = spec().with_parameters(texts)
    assert [source.numel() for source in changed.inputs(device="cpu", seed=0).sources] == lengths
    said = changed.described()
    assert (said["sizes"], said["copies"], said["bytes"]) == (lengths, len(lengths), 4 * sum(lengths))
    number = "seven" if len(lengths) == 7 else len(lengths)
    assert said["says"] == (
        f"{number} contiguous int32 tensors of {min(lengths)} to {max(lengths)} elements, device to device"
    )


@pytest.mark.parametrize("count", [1, 2, 7, 8, 128])
@pytest.mark.parametrize("bytes", [64, 128, 192, 4096, 64 << 20])
def test_copies_of_so_many_bytes_differ_as_the_notes_do(count, bytes):
    said = spec().with_parameters({"count": str(count), "bytes": str(bytes)}).described()
    sizes = said["sizes"]
    assert (len(sizes), 4 * sum(sizes)) == (count, count * bytes) == (said["copies"], said["bytes"])
    assert all(size >= 16 and size % 16 == 0 for size in sizes), "whole grains, none empty"
    assert sizes[:7] == sorted(sizes[:7])
    if bytes >= 4096 and count >= 7:
        assert [size / sizes[0] for size in sizes[:7]] == pytest.approx([1, 2, 4, 8, 16, 32, 64], rel=0.35)


def test_sizes_say_how_copies_of_bytes_differ():
    alike = spec().with_parameters({"sizes": "1", "count": "3", "bytes": "4096"})
    assert [source.nbytes for source in alike.inputs(device="cpu", seed=0).sources] == [4096] * 3


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"count": "0"}, "count: 0 is not between"),
        ({"count": "-3"}, "count: -3 is not between"),
        ({"count": "20000"}, "count: 20000 is not between"),
        ({"sizes": "32,0"}, "sizes: 0 is not between"),
        ({"sizes": "4294967296"}, "sizes: 4294967296 is not between"),
        ({"sizes": "32;64"}, "is not ints separated by commas"),
        ({"length": "3"}, "no parameter 'length'; it has sizes, count, bytes"),
        ({"bytes": "100"}, "bytes: 100 is not a multiple of 64"),
        ({"bytes": "0"}, "bytes: 0 is not a multiple of 64"),
        ({"bytes": str(1 << 34), "count": "1"}, "makes a copy of more than 2147483647 elements"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(texts, says):
    with pytest.raises(ValueError, match=says):
        spec().with_parameters(texts)


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
    for odd in ("", "a b", "a/b", "a::b", "a\nb", "x" * 101):
        with pytest.raises(ValueError, match="at most 100 visible characters"):
            variant("w", odd)
