"""An area: checks that are made one after the other, in a thread of their own.

No check can crash the others, nor hold them: whoever waits for an answer that does not come (a server that hangs, a
name server, a network file system, a module that never ends) is left behind in its thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from leadq.doctor.check import Check, Finding, Skipped, Status, Step, fail, warn
from leadq.errors import LeadqError
from leadq.text import one_line
from leadq.threads import start_unsignalled

STEP_SECONDS = 10.0
ALL_SECONDS = 22.0  # for all areas, which are looked at at once
LONGEST_DETAIL = 500


class Area:
    """Checks that share something.

    Args:
        name: tells its thread.
        steps: in their order.
        unanswered: what to do about a check that does not come to an end.
        close: called in the thread after the last check.
    """

    def __init__(
        self, name: str, steps: Sequence[Step], *, unanswered: str, close: Callable[[], None] = lambda: None
    ) -> None:
        self._steps = steps
        self._unanswered = unanswered
        self._close = close
        self._found: queue.SimpleQueue[Finding] = queue.SimpleQueue()
        self._begun_at = time.monotonic()
        self._thread = threading.Thread(target=self._look, name=f"leadq-doctor {name}", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._begun_at = time.monotonic()
        start_unsignalled(self._thread)

    def checks(self, *, give_up_at: float) -> Iterator[Check]:
        """What is found, each once it is known.

        Args:
            give_up_at: a time.monotonic() value after which nothing more is waited for.
        """
        for place, step in enumerate(self._steps):
            finding = self._next(give_up_at)
            if finding is None:
                waited = time.monotonic() - self._begun_at
                yield _check(step, fail(f"no answer within {waited:.0f} s", self._unanswered))
                reason = f"skipped: {step.name} did not answer"
                yield from (_check(later, warn(reason, None)) for later in self._steps[place + 1 :])
                return
            yield _check(step, finding)
        self._thread.join(max(0.0, give_up_at - time.monotonic()))

    def _next(self, give_up_at: float) -> Finding | None:
        while True:
            until = min(self._begun_at + STEP_SECONDS, give_up_at)
            try:
                return self._found.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                if time.monotonic() >= min(self._begun_at + STEP_SECONDS, give_up_at):  # no other one has begun
                    return None

    def _look(self) -> None:
        try:
            for step in self._steps:
                self._begun_at = time.monotonic()
                self._found.put(_protected(step))
        finally:
            self._close()


def _protected(step: Step) -> Finding:
    try:
        return step.look()
    except Skipped as reason:
        return warn(f"skipped: {reason}", None)
    except LeadqError as error:
        return fail(error.message, error.hint)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return fail(f"{where}{error.strerror or error}", None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is broken: the other checks are made
        return fail(
            f"unexpected {type(error).__name__}: {error}",
            "This is a bug in leadq. Its other checks go on; please report it.",
        )


def _check(step: Step, finding: Finding) -> Check:
    remedy = finding.remedy
    if remedy is None and finding.status is Status.FAIL:
        remedy = "Correct that, then run: leadq doctor"
    return Check(
        name=step.name,
        status=finding.status,
        detail=one_line(finding.detail, limit=LONGEST_DETAIL),
        remedy=remedy and one_line(remedy, limit=LONGEST_DETAIL),
    )
