"""Which leads somebody was told are stored: those must arrive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ACKNOWLEDGED = "acknowledged.txt"
DISPATCHED = "dispatched.txt"


class Ledger:
    """The addresses of those leads, each of which occurs once. application.py writes into the same file."""

    def __init__(self, home: Path) -> None:
        self._file = home / ACKNOWLEDGED
        self._file.touch()

    def acknowledge(self, addresses: Iterable[str]) -> None:
        """Enters leads."""
        with self._file.open("a", encoding="ascii") as file:  # one write, which nobody else's comes between
            file.write("".join(f"{address}\n" for address in addresses))

    def addresses(self) -> set[str]:
        """All of them."""
        return set(self._file.read_text(encoding="ascii").split())
