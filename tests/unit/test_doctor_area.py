"""Areas of checks: none crashes or holds the others."""

from __future__ import annotations

import threading
import time

import pytest

from leadq.doctor import area as areas
from leadq.doctor.area import Area
from leadq.doctor.check import Check, Finding, Skipped, Status, Step, ok, worst
from leadq.doctor.files import room_on_disk
from leadq.errors import StoreUnavailable


def found(*looks: object, seconds: float = 10) -> list[tuple[str, Status, str, str | None]]:
    """What an area tells whose checks are these, named for their place."""
    steps = [Step(str(place), look) for place, look in enumerate(looks)]  # type: ignore[arg-type]
    area = Area("test", steps, unanswered="Look at the server.")
    area.start()
    checks = list(area.checks(give_up_at=time.monotonic() + seconds))
    return [(check.name, check.status, check.detail, check.remedy) for check in checks]


def raising(error: BaseException) -> object:
    def look() -> Finding:
        raise error

    return look


def test_whatever_a_check_raises_the_others_are_made() -> None:
    assert found(
        raising(ValueError("a\x1b[2Jb\nc")),
        raising(SystemExit(3)),
        raising(StoreUnavailable("the disk is full", hint="Free some space.")),
        raising(PermissionError(13, "Permission denied", "/srv/leadq/.env")),
        raising(Skipped("the settings are wrong")),
        lambda: ok("fine"),
    ) == [
        (
            "0",
            Status.FAIL,
            "unexpected ValueError: a [2Jb c",
            "This is a bug in leadq. Its other checks go on; please report it.",
        ),
        (
            "1",
            Status.FAIL,
            "unexpected SystemExit: 3",
            "This is a bug in leadq. Its other checks go on; please report it.",
        ),
        ("2", Status.FAIL, "the disk is full", "Free some space."),
        ("3", Status.FAIL, "/srv/leadq/.env: Permission denied", "Correct that, then run: leadq doctor"),
        ("4", Status.WARN, "skipped: the settings are wrong", None),
        ("5", Status.OK, "fine", None),
    ]


def test_a_check_that_does_not_end_is_left_behind_and_those_after_it_are_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(areas, "STEP_SECONDS", 0.2)
    over = threading.Event()

    def hang() -> Finding:
        over.wait(30)
        return ok("too late")

    assert found(lambda: ok("first"), hang, lambda: ok("never made")) == [
        ("0", Status.OK, "first", None),
        ("1", Status.FAIL, "no answer within 0 s", "Look at the server."),
        ("2", Status.WARN, "skipped: 1 did not answer", None),
    ]
    over.set()


def test_all_checks_together_have_an_end() -> None:
    over = threading.Event()

    def hang() -> Finding:
        over.wait(30)
        return ok("too late")

    begun_at = time.monotonic()
    assert [status for _, status, _, _ in found(hang, seconds=0.2)] == [Status.FAIL]
    assert time.monotonic() - begun_at < areas.STEP_SECONDS
    over.set()


def test_what_an_area_has_opened_is_closed_in_its_own_thread() -> None:
    threads = []
    area = Area("test", [Step("a", lambda: ok(""))], unanswered="", close=lambda: threads.append(threading.get_ident()))
    area.start()
    list(area.checks(give_up_at=time.monotonic() + 10))
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


def test_a_long_detail_is_cut() -> None:
    ((_, _, detail, _),) = found(lambda: ok("x" * 10_000))
    assert len(detail) == areas.LONGEST_DETAIL


@pytest.mark.parametrize(
    ("statuses", "expected"), [("", "OK"), ("OK OK", "OK"), ("OK WARN OK", "WARN"), ("WARN FAIL OK", "FAIL")]
)
def test_the_whole_is_as_good_as_its_worst_part(statuses: str, expected: str) -> None:
    checks = [Check(name="", status=Status(one), detail="", remedy=None) for one in statuses.split()]
    assert worst(check.status for check in checks) == expected


@pytest.mark.parametrize(
    ("free_bytes", "free_files", "status", "detail"),
    [
        (12_300_000_000, None, "OK", "12.3 GB free for database, log"),
        (500_000_000, 1000, "OK", "500.0 MB free for database, log"),
        (499_900_000, 1000, "WARN", "only 499.9 MB free for database, log"),
        (49_900_000, 1000, "FAIL", "only 49.9 MB free for database, log"),
        (0, 0, "FAIL", "only 0.0 MB free for database, log"),
        (12_300_000_000, 999, "FAIL", "the disk takes only 999 more files (database, log)"),
    ],
)
def test_a_disk_is_judged_by_the_room_that_it_has(
    free_bytes: int, free_files: int | None, status: str, detail: str
) -> None:
    finding = room_on_disk("database, log", free_bytes=free_bytes, free_files=free_files)
    assert (finding.status, finding.detail) == (status, detail)
    assert (finding.remedy is None) == (status == "OK")
