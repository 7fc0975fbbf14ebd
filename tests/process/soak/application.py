"""An application that creates leads for as long as it runs. It is copied into a home and started there."""

from __future__ import annotations

import itertools
import os
import random
import time
from pathlib import Path

from own_jobs import Note

import leadq

HOME = Path(__file__).parent
QUEUES = ("high", "default", "low")
PARENT = os.getppid()


def tell(file: str, line: str) -> None:
    with (HOME / file).open("a", encoding="ascii") as opened:
        opened.write(f"{line}\n")


def create(address: str) -> None:
    leadq.create_lead(
        name="Zoë Application",
        email=address,
        message="Please call me back.\n" * random.randrange(40),
        queue=random.choice(QUEUES),
        delay=random.choice([0, 0, 0, 2.5]),
        priority=random.choice([0, 0, -5, 5]),
    )
    tell("acknowledged.txt", address)


def dispatch(text: str) -> None:
    leadq.dispatch(Note(text=text), queue=random.choice(QUEUES))
    tell("dispatched.txt", text)


def main() -> None:
    leadq.configure(home=HOME)
    for number in itertools.count():
        address = f"application-{os.getpid()}-{time.time_ns()}@example.com"
        try:
            create(address)
            if number % 8 == 0:
                dispatch(address)
        except leadq.StoreError as error:
            print(f"not stored: {error}", flush=True)
        if os.getppid() != PARENT:
            return
        time.sleep(random.uniform(0.05, 0.4))


main()
