"""The work of a request: counted in steps and seconds, in one budget for all its parts."""

from __future__ import annotations

import pytest

from terminology.core import budget
from terminology.core.errors import OverBudgetError, TerminologyError
from terminology.core.patterns import LARGEST, LONGEST, full_match


def test_the_step_after_the_last_one_is_refused() -> None:
    with budget.opened(steps=10):
        budget.spend(10)
        with pytest.raises(OverBudgetError, match="more than 10 steps"):
            budget.spend()


def test_what_is_done_in_a_request_shares_its_budget() -> None:
    with budget.opened(steps=10):
        with budget.opened(steps=1_000_000):
            budget.spend(6)
        assert budget.steps_left() == 4


def test_a_request_that_is_over_leaves_its_budget_behind() -> None:
    with pytest.raises(OverBudgetError), budget.opened(steps=0):
        budget.spend()
    budget.spend(10**12)
    assert budget.current() is None


def test_each_item_counts() -> None:
    with budget.opened(steps=1_000):
        assert list(budget.counted(range(100), 5)) == list(range(100))
        assert budget.steps_left() == 500
        with pytest.raises(OverBudgetError):
            list(budget.counted(range(101), 5))


def test_a_request_ends_at_its_deadline_however_few_steps_it_takes() -> None:
    with budget.opened(seconds=-1):
        with pytest.raises(OverBudgetError, match="longer than"):
            budget.begin_part(1)
        with pytest.raises(OverBudgetError):
            budget.spend()
    with budget.opened(seconds=-1), pytest.raises(OverBudgetError, match="longer than"):
        for _ in range(10_000):
            budget.spend()


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(.*a){1,900}", "too large"),
        ("((a{1,30}){1,30}){1,30}", "cannot be used"),
        ("a" * (LONGEST + 1), f"at most {LONGEST:,}"),
    ],
)
def test_a_regular_expression_has_a_bounded_size(expression: str, reason: str) -> None:
    with pytest.raises(TerminologyError, match=reason):
        full_match(expression)


def test_a_list_of_hundreds_of_codes_is_not_too_large() -> None:
    codes = [f"A{number:03}.{number % 10}" for number in range(500)]
    assert full_match("|".join(codes))("A499.9")


def test_a_text_too_long_for_an_expression_is_refused() -> None:
    matches = full_match("(.*a){1,500}")
    assert matches("ba" * 100)
    with pytest.raises(TerminologyError, match="characters; one has 1,000,000"):
        matches("ba" * 500_000)
    assert LARGEST > 5_000


def test_each_part_of_a_request_reads_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    with budget.opened(seconds=5):
        budget.begin_part(1)
        monkeypatch.setattr("terminology.core.budget.monotonic", lambda: 1e12)
        budget.spend(1)
        with pytest.raises(OverBudgetError):
            budget.begin_part(1)
