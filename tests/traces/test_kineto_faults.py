"""A block with a few faults gives what repairing all of it gives, event by event; what is no JSON costs no neighbour."""

import json
import random

import pytest

from launchlens.traces.readers.kineto import json_faults
from launchlens.traces.readers.kineto.events import elements_of
from launchlens.traces.readers.kineto.json_faults import repaired

FAULTS = {
    "nan": lambda event: event.replace(b'"dur":1', b'"dur":NaN'),
    "nan in a text": lambda event: event.replace(b"aten::add", b'a\\": NaN, {}, {\x01'),
    "not utf-8": lambda event: event.replace(b"aten", b"caf\xe9"),
    "control": lambda event: event.replace(b"aten", b"a\x01"),
    "backslash": lambda event: event.replace(b"aten", b"C:\\Users"),
    "half a pair": lambda event: event.replace(b"aten", b"\\ud800x"),
    "the other half": lambda event: event.replace(b"aten", b"\\udc00x"),
    "comma": lambda event: event.replace(b"}}", b",},}"),
    "infinity": lambda event: event.replace(b'"dur":1', b'"dur":-inf'),
    "cut in a text": lambda event: event.replace(b"aten", b"}, {\xe9"),
    "cut in args": lambda event: event.replace(b'"x":2', b'"x":[{"a":NaN}, {"b":1}]'),
}
QUOTE = {"a quote too many": lambda event: event.replace(b"aten", b'a"b')}


def event(number: int) -> bytes:
    fields = {"ph": "X", "cat": "cpu_op", "name": "aten::add", "ts": number, "dur": 1, "args": {"x": 2}}
    return json.dumps(fields, separators=(",", ":")).encode()


def block(seed: int, faults) -> bytes:
    chance = random.Random(seed)
    events = [event(number) for number in range(60)]
    for at in chance.sample(range(60), chance.randint(1, 6)):
        events[at] = faults[chance.choice(sorted(faults))](events[at])
    return chance.choice([b",", b",\n", b" , "]).join(events)


@pytest.mark.parametrize("seed", range(60))
def test_few_faults_are_repaired_as_all_would_be(seed):
    data = block(seed, FAULTS)
    few = json_faults._few_faults(data, certain=True)
    assert few is not None
    whole = json_faults._whole(data, certain=True)
    assert elements_of(few.body) == elements_of(whole.body) and len(elements_of(few.body)) == 60
    assert (few.replaced, few.unreadable) == (whole.replaced, whole.unreadable) and few.replaced


@pytest.mark.parametrize("seed", range(20))
def test_a_quote_too_many_costs_its_event_alone(seed):
    data = block(seed, QUOTE)
    made = repaired(data, certain=True)
    whole = json_faults._whole(data, certain=True)
    assert elements_of(made.body) == elements_of(whole.body)
    assert made.unreadable == whole.unreadable == 60 - len(elements_of(made.body)) > 0


def test_a_block_that_ends_within_an_event_is_not_whole():
    data = block(3, FAULTS)
    for cut in range(len(data) - 60, len(data) - 1):
        assert repaired(data[:cut], certain=False) is None
