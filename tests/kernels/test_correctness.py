"""Outputs compared with the baseline's, and earlier outputs poisoned first."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.kernels.correctness import CompareOutputs, Remembering, kept, leaves, poison

torch = pytest.importorskip("torch", reason="outputs are tensors")


@dataclass
class Two:
    first: object
    second: object


def test_outputs_are_found_wherever_they_are():
    one, two = torch.zeros(1), torch.zeros(2)
    assert [place for place, _ in leaves((one, {"k": two}, Two(one, None)))] == [
        "output[0]",
        "output[1]['k']",
        "output[2].first",
    ]
    assert kept(None) == {}
    with pytest.raises(TypeError, match=r"output\[1\] is of type float, which can't be compared"):
        kept((one, 1.5))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (lambda x: x.clone(), None),
        (lambda x: x + 1e-9, None),
        (lambda x: x + 1, r"output: Mismatched elements: 6 / 6 \(100.0%\); Greatest absolute difference: 1"),
        (lambda x: x[:1], "output: The values for attribute 'shape' do not match"),
        (lambda x: x.double(), "output: The values for attribute 'dtype' do not match"),
        (lambda x: (x, x), r"returns output\[0\], output\[1\] where the baseline returns output"),
        (lambda x: None, "returns nothing where the baseline returns output"),
        (lambda x: 3, "output is of type int, which can't be compared"),
        (lambda x: torch.full_like(x, float("nan")), "output: Mismatched elements: 6 / 6"),
    ],
)
def test_a_difference_is_one_sentence(other, says):
    x = torch.arange(6.0).reshape(2, 3)
    fault = CompareOutputs().wrong(other(x), kept(x))
    if says is None:
        assert fault is None
    else:
        assert fault is not None and "\n" not in fault
        assert re.match(says, fault), fault


def test_tolerances_are_the_callers():
    x = torch.ones(3)
    assert CompareOutputs(rtol=0.2, atol=0).wrong(x * 1.1, kept(x)) is None
    assert CompareOutputs(rtol=0, atol=0).wrong(x * (1 + 1e-6), kept(x)) is not None
    nan = torch.tensor([float("nan")])
    assert CompareOutputs().wrong(nan, kept(nan)) is not None
    assert CompareOutputs(equal_nan=True).wrong(nan, kept(nan)) is None
    with pytest.raises(ValueError, match="both rtol and atol"):
        CompareOutputs(rtol=1e-3)


@given(
    st.sampled_from(["float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "bool", "complex64"]),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 2**32),
)
def test_a_poisoned_output_never_passes(dtype, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    right = (torch.randn(shape, generator=generator) * 100).to(getattr(torch, dtype))
    output = right.clone()
    expected = kept(right)
    poison(output, expected, inputs=())
    fault = CompareOutputs(equal_nan=True).wrong(output, expected)
    assert (fault is None) == (right.numel() == 0)
    if fault is not None and right.dim():
        assert f"{right.numel()} / {right.numel()}" in fault, "every element differs"


def test_tensors_of_the_inputs_are_not_poisoned():
    class Inputs:
        def __init__(self):
            self.x = torch.ones(4)
            self.nested = {"deep": [torch.ones(2)]}

    inputs = Inputs()
    view, nested, fresh = inputs.x[1:], inputs.nested["deep"][0], torch.ones(3)
    poison((view, nested, fresh), kept((view, nested, fresh)), inputs)
    assert inputs.x.eq(1).all() and nested.eq(1).all() and not fresh.eq(1).any()


def test_what_can_not_be_written_is_left_alone():
    expanded, grown = torch.ones(1).expand(5), torch.ones(2, requires_grad=True)
    poison((expanded, grown), kept((expanded, grown)), ())
    assert expanded.eq(1).all() and not grown.eq(1).any()


def test_remembering_keeps_the_last_outputs():
    numbers = iter(range(3))
    remembering = Remembering(lambda: next(numbers))
    assert (remembering(), remembering(), remembering.outputs) == (0, 1, 1)
