"""Kleene's tables, cell by cell."""

import itertools

import pytest

from cds_service.model.truth import agreed, all_of, any_of, at_least, negate

AND = {
    (True, True): True,
    (True, False): False,
    (True, None): None,
    (False, True): False,
    (False, False): False,
    (False, None): False,
    (None, True): None,
    (None, False): False,
    (None, None): None,
}
OR = {
    (True, True): True,
    (True, False): True,
    (True, None): True,
    (False, True): True,
    (False, False): False,
    (False, None): None,
    (None, True): True,
    (None, False): None,
    (None, None): None,
}


@pytest.mark.parametrize(("pair", "expected"), AND.items())
def test_and(pair, expected):
    assert all_of(pair) is expected


@pytest.mark.parametrize(("pair", "expected"), OR.items())
def test_or(pair, expected):
    assert any_of(pair) is expected


@pytest.mark.parametrize(("value", "expected"), [(True, False), (False, True), (None, None)])
def test_not(value, expected):
    assert negate(value) is expected


def test_empty():
    assert all_of([]) is True
    assert any_of([]) is False


@pytest.mark.parametrize("needed", [0, 1, 2, 3, 4])
def test_at_least_is_what_every_completion_says(needed):
    for values in itertools.product([True, False, None], repeat=3):
        completions = itertools.product(*([value] if value is not None else [True, False] for value in values))
        possible = {sum(completion) >= needed for completion in completions}
        expected = possible.pop() if len(possible) == 1 else None
        assert at_least(needed, values) is expected, values


@pytest.mark.parametrize(
    ("values", "expected"),
    [([True, True], True), ([False], False), ([True, False], None), ([None], None), ([True, None], None), ([], None)],
)
def test_agreed(values, expected):
    assert agreed(values) is expected
