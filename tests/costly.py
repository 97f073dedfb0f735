"""Settings of tests whose examples take over ten milliseconds each: half as many each day as others try, and as many in a thorough run."""

from hypothesis import settings

#: As the profiles of conftest.py have it.
_EACH_DAY = 100
_tried = settings().max_examples

costly = settings(max_examples=_EACH_DAY // 2 if _tried == _EACH_DAY else _tried)
