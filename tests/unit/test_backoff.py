"""The wait between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadq.backoff import backoff_seconds, later_than


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 60), (2, 360), (3, 360), (50, 360)])
def test_each_attempt_has_its_step_and_the_last_one_repeats(attempt: int, seconds: float) -> None:
    assert backoff_seconds((60, 360), attempt, chance=0.5) == seconds


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 90), (0.5, 100), (1.0, 110)])
def test_chance_moves_the_wait_by_a_tenth_at_most(chance: float, seconds: float) -> None:
    assert backoff_seconds((100,), 1, chance=chance) == pytest.approx(seconds)


@given(st.integers(1, 9))
def test_without_a_given_chance_the_wait_stays_within_a_tenth(attempt: int) -> None:
    assert 90 <= backoff_seconds((100,), attempt) <= 110


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    assert len({backoff_seconds((100,), 1) for _ in range(20)}) > 1


@pytest.mark.parametrize("steps", [(), (0,), (0.0, 0)])
def test_no_steps_or_zero_means_no_wait_at_all(steps: tuple[float, ...]) -> None:
    assert {backoff_seconds(steps, attempt) for attempt in (1, 2, 3)} == {0}


def test_three_attempts_outlast_a_greylist_of_five_minutes() -> None:
    assert sum(backoff_seconds((60, 360), attempt, chance=0.0) for attempt in (1, 2)) > 300


def test_a_wait_that_was_asked_for_is_never_cut_short():
    assert [later_than(300, chance=chance) for chance in (0, 0.5, 1)] == [300, 315, pytest.approx(330)]
    assert later_than(0) == 0
