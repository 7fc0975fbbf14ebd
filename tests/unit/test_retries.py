"""When retried jobs are due."""

from __future__ import annotations

from leadq.retries import Stagger


def test_jobs_are_spread_evenly_from_the_start_on() -> None:
    stagger = Stagger(start=1000, spread=600, total=4)
    assert [stagger.due_at(place) for place in range(4)] == [1000, 1150, 1300, 1450]


def test_more_jobs_than_seconds_share_them() -> None:
    stagger = Stagger(start=1000, spread=2, total=5)
    assert [stagger.due_at(place) for place in range(5)] == [1000, 1001, 1001, 1002, 1002]


def test_a_delay_comes_before_the_spread() -> None:
    stagger = Stagger(start=1000, delay=60.5, spread=10, total=2)
    assert [stagger.due_at(place) for place in range(2)] == [1061, 1066]


def test_a_delay_alone_is_the_same_for_all() -> None:
    assert {Stagger(start=1000, delay=60, total=0).due_at(place) for place in range(9)} == {1060}
