"""What befalls mail."""

from __future__ import annotations

import random
import time

from tests.homes import Home
from tests.process.soak.figures import Figures
from tests.process.soak.post_office import FAULTS, PostOffice
from tests.process.soak.settings import write_settings


class MailTrouble:
    """A server that refuses, hangs up, says nothing or is not there, and a `MAIL_OUTAGE` that somebody changes."""

    def __init__(self, home: Home, post_office: PostOffice, figures: Figures, seed: int) -> None:
        self._home = home
        self._post_office = post_office
        self._figures = figures
        self._chance = random.Random(f"{seed} mail")

    def strike(self) -> None:
        """One blow."""
        if self._chance.random() < 0.15:
            self._go_away()
        elif self._chance.random() < 0.05:
            self._change_setting()
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._post_office.fault = self._chance.choice(list(FAULTS))
        time.sleep(self._chance.uniform(0.5, 3))
        self._post_office.fault = None

    def _go_away(self) -> None:
        self._post_office.go_away()
        self._figures.note("times that the mail server was away")
        time.sleep(self._chance.uniform(0.5, 4))
        self._post_office.come_back()

    def _change_setting(self) -> None:
        write_settings(
            self._home, MAIL_OUTAGE=self._chance.choice(["hold", "count"])
        )  # for those that start from now on
