"""Looks at everything, again and again."""

from __future__ import annotations

import re
from pathlib import Path

from tests.homes import Home
from tests.process.soak.crew import Crew
from tests.process.soak.feeds import DATABASE_TROUBLE
from tests.process.soak.figures import Figures
from tests.process.soak.invariant import breaches
from tests.process.soak.ledger import Ledger
from tests.process.soak.memory import Memory
from tests.process.soak.places import Places
from tests.process.soak.post_office import PostOffice

# SIGINT in Python's own start, before any line of leadq's: the one traceback that may be. So may one that is half
# written, which the next look sees whole.
EXCUSED = re.compile(rb'Traceback.*(?:\n  (?!File "[^"]*/leadq/).*)*(?:\nKeyboardInterrupt\n|\n?.*\Z)')
LONGEST_TRACEBACK = 10_000  # bytes


class Watch:
    """Examines a home, its workers' words and their memory."""

    def __init__(self, home: Home, ledger: Ledger, post_office: PostOffice, crew: Crew, figures: Figures) -> None:
        self._home = home
        self._ledger = ledger
        self._post_office = post_office
        self._crew = crew
        self._figures = figures
        self._read: dict[Path, int] = {}
        self.memory = Memory()

    def look(self) -> None:
        """Fails where something does not hold; passes over the database while it is away."""
        self._look_for_tracebacks()
        self.memory.note(self._crew.worker_pids)
        try:
            self.examine()
        except DATABASE_TROUBLE:
            self._figures.note("examinations that found no database")

    def examine(self) -> Places:
        """Fails where the invariant does not hold."""
        before, acknowledged = self._post_office.counts(), self._ledger.addresses()
        places = Places.seen(self._home)
        found = breaches(
            places,
            acknowledged=acknowledged,
            accepted_before=before,
            accepted_after=self._post_office.counts(),
        )
        if altered := self._post_office.altered:
            found.append(f"mails that came again in other bytes: {altered}")
        assert not found, "\n".join(found)
        self._figures.note("examinations")
        return places

    def _look_for_tracebacks(self) -> None:
        for file in (*(member.output for member in self._crew.members), *self._home.path.glob("storage/logs/*.log")):
            with file.open("rb") as opened:
                opened.seek(self._read.get(file, 0))
                new = EXCUSED.sub(b"", opened.read())
                self._read[file] = max(opened.tell() - LONGEST_TRACEBACK, 0)
            found = new.find(b"Traceback")
            assert found < 0, f"{file}:\n{new[max(found - 500, 0) :][:4000].decode()}"
