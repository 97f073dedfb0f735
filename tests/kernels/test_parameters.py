"""Parameters of a workload: found in a signature, read from text."""

import pytest

from launchlens.kernels.parameters import declared, read_parameter


def make(
    *, device, seed, rows: int = 4, scale=0.5, fast: bool = False, sizes: tuple[int, ...] = (1, 2), count: int | None = None,
    names=("a",), dtype: object = None,
):  # fmt: skip
    pass


KNOWN = {"rows": 4, "scale": 0.5, "fast": False, "sizes": (1, 2), "count": None, "names": ("a",), "dtype": None}


def test_parameters_are_what_has_a_default():
    assert declared(make, given=("device", "seed")) == KNOWN


def test_what_has_no_default_or_lacks_the_device_is_refused():
    with pytest.raises(ValueError, match=r"other\(\): parameter 'rows' has no default"):

        def other(device, seed, rows):
            pass

        declared(other, given=("device", "seed"))
    with pytest.raises(ValueError, match="lacks device"):

        def without(seed):
            pass

        declared(without, given=("device", "seed"))
    assert declared(lambda **anything: None, given=("device", "seed")) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rows", "12", 12),
        ("scale", "1e-3", 1e-3),
        ("fast", "true", True),
        ("fast", "False", False),
        ("sizes", "3", (3,)),
        ("sizes", "3, 4,5", (3, 4, 5)),
        ("count", "9", 9),
        ("names", "x,y", ("x", "y")),
    ],
)
def test_text_becomes_the_parameters_type(name, text, value):
    read = read_parameter("w", make, KNOWN, name, text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rows", "1.5", "rows='1.5' is not of type int"),
        ("rows", "", "is not of type int"),
        ("fast", "1", "is not of type bool"),
        ("sizes", "1,,2", "is not ints separated by commas"),
        ("count", "many", "is not of type int"),
        ("dtype", "float16", "can't be given as text"),
        ("row", "1", "has no parameter 'row'; it has rows, scale"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(name, text, says):
    with pytest.raises(ValueError, match=says) as caught:
        read_parameter("w", make, KNOWN, name, text)
    assert "\n" not in str(caught.value)
