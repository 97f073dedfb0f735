"""The variants of small-copies on a GPU: odd lengths, odd byte offsets, every width of dtype, the current stream, replays.

Asserts bytes: those that had to be written are the source's, and those beside them are as they were.
"""

import importlib.util
from functools import partial

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU here: the kernels' own logic is tested on the CPU", allow_module_level=True)

import torch

from launchlens.kernels.registry import variants, workloads
from launchlens.kernels.small_copies.workload import SmallCopies
from launchlens.profiling.environment import missing
from launchlens.profiling.regimes import graph

VARIANTS = {made.name: made for made in variants("small-copies")}
#: These move tensors into buffers of their own, so the offsets that a test gave them are gone.
FLAT = {"flat-buffer", "flat-buffer-packed"}
SCATTERED = [name for name in VARIANTS if name not in FLAT]
#: The variants that copy bytes, whatever they mean and wherever they lie. Triton's other two take what Triton specialises.
DTYPES = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.float64}


def built(name, inputs):
    absent = missing(VARIANTS[name].needs, "cuda")
    if absent:
        pytest.skip(f"needs {', '.join(absent)}")
    return VARIANTS[name].build(inputs)


def bytes_of(tensor):
    return tensor.view(torch.uint8)


class Guarded:
    """Tensors cut out of larger buffers of bytes, so that what is written beside a destination shows."""

    def __init__(self, dtype, lengths, offsets):
        width, generator = dtype.itemsize, torch.Generator().manual_seed(7)
        self.buffers, sources, destinations = [], [], []
        for length, (from_at, to_at) in zip(lengths, offsets, strict=True):
            room = length * width + 128
            source = torch.randint(0, 255, (room,), dtype=torch.uint8, generator=generator).cuda()
            destination = torch.empty(room, dtype=torch.uint8, device="cuda")
            begin, end = 16 + to_at * width, 16 + (to_at + length) * width
            sources.append(source[from_at * width :][: length * width].view(dtype))
            destinations.append(destination[begin:end].view(dtype))
            self.buffers.append((destination, begin, end))
        self.copies = SmallCopies(sources, destinations)

    def poison(self):
        for buffer, _, _ in self.buffers:
            buffer.fill_(255)  # no source holds it

    def check(self):
        for index, (buffer, begin, end) in enumerate(self.buffers):
            assert torch.equal(buffer[begin:end], bytes_of(self.copies.sources[index])), f"copy {index}"
            assert buffer[:begin].eq(255).all() and buffer[end:].eq(255).all(), f"beside copy {index}"


LENGTHS = [1, 2, 3, 15, 16, 17, 31, 255, 1023, 4097, 33_333]
#: (source, destination) in elements: together, apart, aligned, and not.
OFFSETS = [(0, 0), (1, 1), (1, 0), (0, 3), (2, 6), (5, 5), (3, 4), (4, 8), (7, 1), (1, 3), (6, 5)]


@pytest.mark.parametrize("width", list(DTYPES))
@pytest.mark.parametrize("name", SCATTERED)
def test_odd_lengths_offsets_and_widths(name, width):
    guarded = Guarded(DTYPES[width], LENGTHS, OFFSETS)
    iteration = built(name, guarded.copies)
    for _ in range(2):
        guarded.poison()
        iteration()
        torch.cuda.synchronize()
        guarded.check()


@pytest.mark.parametrize("count", [1, 8, 9, 33, 64, 169, 1024])
@pytest.mark.parametrize(
    "name", ["cuda-batched", "cuda-prepared", "cuda-graph-refire", "nvrtc", "triton-table", "memcpy-batch"]
)
def test_any_count_up_to_the_room(name, count):
    if name == "nvrtc" and count > 64:
        pytest.skip("beyond its room")
    spec = next(spec for spec in workloads() if spec.name == "small-copies")
    inputs = spec.make(device="cuda", seed=3, sizes=(5, 300, 1), count=count)
    iteration = built(name, inputs)
    inputs.poison()
    iteration()
    torch.cuda.synchronize()
    assert inputs.wrong() is None


@pytest.mark.parametrize("name", [*SCATTERED, *FLAT])
def test_work_goes_to_the_current_stream(name):
    """What a stream was given before is seen, and what it is given next sees the copies: on torch's default stream, too."""
    inputs = next(spec for spec in workloads() if spec.name == "small-copies").inputs(device="cuda", seed=0)
    iteration = built(name, inputs)
    iteration()
    torch.cuda.synchronize()
    for stream in (torch.cuda.default_stream(), torch.cuda.Stream()):
        inputs.poison()
        torch.cuda.synchronize()
        with torch.cuda.stream(stream):
            torch.cuda._sleep(20_000_000)
            for number, source in enumerate(inputs.sources):
                source.fill_(1000 + number)
            iteration()
            seen = [destination.clone() for destination in inputs.destinations]
        torch.cuda.synchronize()
        for number, copy in enumerate(seen):
            assert copy.eq(1000 + number).all(), f"copy {number} on {stream}"


@pytest.mark.parametrize("name", [name for name, made in VARIANTS.items() if "graph" in made.regimes])
def test_a_replay_copies_what_the_sources_hold_then(name):
    inputs = next(spec for spec in workloads() if spec.name == "small-copies").inputs(device="cuda", seed=0)
    replay = graph(built(name, inputs))
    for value in (5, 6):
        for number, source in enumerate(inputs.sources):
            source.fill_(value + number)
        inputs.poison()
        replay()
        torch.cuda.synchronize()
        assert inputs.wrong() is None
        assert inputs.destinations[0].eq(value).all()


@pytest.mark.parametrize("name", [name for name in SCATTERED if name != "copy_"])
def test_the_iteration_keeps_its_tensors_alive(name):
    """Most know pointers only. Freed memory would go to whoever asks next, and the copies into it."""
    spec = next(spec for spec in workloads() if spec.name == "small-copies")
    inputs = spec.inputs(device="cuda", seed=0)
    iteration = built(name, inputs)
    iteration()
    sizes = [tensor.numel() for tensor in inputs.destinations]
    del inputs
    torch.cuda.synchronize()
    others = [torch.full((size,), -1, dtype=torch.int32, device="cuda") for size in sizes * 8]
    iteration()
    torch.cuda.synchronize()
    assert all(other.eq(-1).all() for other in others)


@pytest.mark.parametrize("prepare", ["prepare_launch", "prepare_graph", "prepare_memcpys", "copy_batched"])
def test_the_extension_refuses_what_it_can_not_copy(prepare):
    from launchlens.kernels.small_copies.extension import NEEDS, extension

    if missing(NEEDS, "cuda"):
        pytest.skip("needs a compiler")
    call = partial(getattr(extension(), prepare))
    one = torch.ones(4, device="cuda")
    for destinations, sources, says in [
        ([], [], "at least one"),
        ([one], [one, one], "as many destinations"),
        ([one], [one[:3]], "lengths differ"),
        ([one], [one.int()], "dtypes or lengths differ"),
        ([one[::2]], [one[:2]], "not contiguous"),
        ([one], [torch.ones(4)], "not on the CUDA device"),
    ]:
        with pytest.raises((ValueError, IndexError), match=says):
            call(destinations, sources)
