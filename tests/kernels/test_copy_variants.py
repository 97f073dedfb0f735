"""Host-side logic of the variants of small-copies: tables, words, flat buffers, and what each refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.kernels.registry import NotForTheseInputsError, variants, workloads
from launchlens.kernels.small_copies import extension, nvrtc
from launchlens.kernels.small_copies.flat import lay_flat
from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.kernels.small_copies.triton_table import WORDS, in_words, rows_of, widest_word
from launchlens.kernels.small_copies.workload import SmallCopies
from launchlens.profiling.environment import NEEDS, missing

torch = pytest.importorskip("torch", reason="the variants need torch")


def spec():
    return next(spec for spec in workloads() if spec.name == "small-copies")


def named(name):
    return next(made for made in variants("small-copies") if made.name == name)


def test_every_variant_is_there_and_says_what_it_needs():
    made = {one.name: one for one in variants("small-copies")}
    assert set(made) == {
        "copy_", "foreach", "triton-per-tensor", "triton-batched", "triton-table", "triton-table-rebuilt", "nvrtc",
        "cuda-batched", "cuda-prepared", "cuda-graph-refire", "memcpy-async", "memcpy-async-cpp", "memcpy-batch",
        "flat-buffer", "flat-buffer-packed", "streams", "streams-created",
    }  # fmt: skip
    assert all(need in NEEDS for one in made.values() for need in one.needs)
    eager_only = {name for name, one in made.items() if one.regimes == ("eager",)}
    assert eager_only == {"cuda-graph-refire", "triton-table-rebuilt", "streams-created", "memcpy-batch"}


@given(st.lists(st.integers(0, 2**50), min_size=1))
def test_the_widest_word_divides_everything_and_the_next_does_not(numbers):
    word = widest_word(numbers)
    assert word in WORDS and all(number % word == 0 for number in numbers)
    assert word == max(WORDS) or any(number % (2 * word) for number in numbers)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 7)), min_size=1, max_size=9), st.sampled_from([1, 2, 4, 8])
)
def test_a_table_covers_every_byte(pieces, width):
    dtype = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[width]

    sources = [torch.zeros(length + offset, dtype=dtype)[offset:] for length, offset in pieces]
    rows = rows_of(SmallCopies(sources, [torch.zeros(length, dtype=dtype) for length, _ in pieces]))
    word = widest_word([number for row in rows for number in row])
    assert word >= width
    destinations, sources, words = in_words(rows, word)
    assert (destinations, sources) == (rows[0], rows[1])
    assert [count * word for count in words] == [length * width for length, _ in pieces]


@given(st.lists(st.lists(st.integers(0, 4), max_size=2), min_size=1, max_size=6))
def test_flat_views_hold_the_values_and_share_the_buffer(shapes):
    tensors = [torch.randint(0, 99, tuple(shape)) for shape in shapes]
    before, held = [tensor.clone() for tensor in tensors], tensors
    buffer = lay_flat(tensors)
    assert held is tensors and buffer.numel() == sum(tensor.numel() for tensor in before)
    assert all(torch.equal(now, then) for now, then in zip(tensors, before, strict=True))
    buffer.add_(1)
    assert all(torch.equal(now, then + 1) for now, then in zip(tensors, before, strict=True))


def test_flat_buffers_have_one_dtype():
    with pytest.raises(NotForTheseInputsError, match="one flat buffer holds one dtype, not float32, int32"):
        lay_flat([torch.zeros(1), torch.zeros(1, dtype=torch.int32)])


@pytest.mark.parametrize("name", ["flat-buffer", "flat-buffer-packed"])
def test_a_flat_buffer_copies_what_the_sources_hold_then(name):
    inputs = spec().make(device="cpu", seed=0, sizes=(5, 1, 300), count=7)
    originals = list(inputs.sources)
    iteration = named(name).build(inputs)
    for value in (3, 4):
        inputs.poison()
        assert inputs.wrong() is not None
        for number, source in enumerate(inputs.sources):
            source.fill_(value + number)
        iteration()
        assert inputs.wrong() is None
        assert inputs.destinations[6].eq(value + 6).all()
    scattered = all(now is then for now, then in zip(inputs.sources, originals, strict=True))
    assert scattered == (name == "flat-buffer-packed"), "packed reads the sources where they were"


@pytest.mark.parametrize(
    ("name", "count", "says"),
    [
        ("cuda-batched", 1025, "at most 1024 tensors in one launch, not 1025"),
        ("cuda-prepared", 1025, "at most 1024 tensors in one launch, not 1025"),
        ("cuda-graph-refire", 1025, "at most 1024 tensors in one launch, not 1025"),
        ("nvrtc", 65, "at most 64 tensors in one launch, not 65"),
    ],
)
def test_more_copies_than_a_launch_takes_are_refused(name, count, says):
    with pytest.raises(NotForTheseInputsError, match=says):
        named(name).build(spec().make(device="cpu", seed=0, sizes=(1,), count=count))


def test_nvrtc_refuses_lengths_that_no_int_holds():
    long = [torch.empty(2**31, dtype=torch.int8, device="meta")]
    with pytest.raises(NotForTheseInputsError, match="a C int, not 2147483648"):
        named("nvrtc").build(SmallCopies(long, long))


def test_the_room_is_the_sources():
    header = (extension._HERE / "batched.h").read_text()
    assert f"kMostCopies = {extension.MOST_COPIES};" in header
    assert "case 6: to = d6; from = s6; bytes = n6; break;" in nvrtc.source_of(7)


def test_a_missing_compiler_is_said_with_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    assert missing(["nvcc", "ninja"], "cuda") == ["nvcc", "ninja"]
    (tmp_path / "bin").mkdir()
    for path in (tmp_path / "bin" / "nvcc", tmp_path / "c++", tmp_path / "ninja"):
        path.touch(mode=0o755)
    monkeypatch.delenv("CXX", raising=False)
    assert missing(["nvcc", "ninja"], "cuda") == []
    assert "nvcc on PATH" in NEEDS["nvcc"][1]


def test_an_error_of_cudas_is_named():
    class Code(int):
        name = "cudaErrorInvalidValue"

    assert check((Code(0), 5)) == (5,)
    with pytest.raises(RuntimeError, match="CUDA error: cudaErrorInvalidValue"):
        check((Code(1),))
