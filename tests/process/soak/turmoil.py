"""Things that happen at the same time, again and again."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from types import TracebackType


class Turmoil:
    """Does things in threads of their own until the block ends, which raises the first error that one of them has met.

    Args:
        seed: decides the pauses in between.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def repeat(self, work: Callable[[], object], *, every: tuple[float, float]) -> None:
        """Calls `work` with pauses of so many seconds, at least and at most."""
        chance = random.Random(f"{self._seed} {len(self._threads)}")

        def run() -> None:
            try:
                while not self._over.wait(chance.uniform(*every)):
                    work()
            except BaseException as error:
                self._errors.append(error)
                self._over.set()

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def last(self, seconds: float) -> None:
        """Returns after so long, or as soon as something has gone wrong."""
        self._over.wait(seconds)

    def __enter__(self) -> Turmoil:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
