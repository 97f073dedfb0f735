"""Every fault of `tests/mutants.py` can still be put in, and the tests that must notice it are there."""

import pytest

from mutants import MUTANTS, ROOT, places


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_line_is_there_once_and_its_tests_exist(mutant) -> None:
    assert len(places(mutant)) == 1
    assert mutant.by != mutant.line
    assert all((ROOT / test).is_file() for test in mutant.tests)
