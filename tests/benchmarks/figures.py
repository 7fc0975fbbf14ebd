"""What a benchmark has found out: leadq's figure, the one beside it, and the one wished for."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

SIGNS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What should be reached: by leadq's figure divided by the baseline or, where `of_ratio` is False, by itself."""

    sign: str
    bound: float
    of_ratio: bool = True

    def text(self, unit: str) -> str:
        return f"{self.sign} {self.bound:g} {'×' if self.of_ratio else unit}"

    def is_met(self, number: float) -> bool:
        met: bool = SIGNS[self.sign](number, self.bound)
        return met


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of the table; medians.

    Attributes:
        what: what was measured.
        jobs: with how many jobs a round, or how many times.
        unit: of `leadq` and `baseline`.
        beside: what the baseline is; None where there is none to compare with.
    """

    what: str
    jobs: int
    unit: str
    leadq: float
    baseline: float | None = None
    beside: str | None = None
    wish: Wish | None = None

    @property
    def ratio(self) -> float | None:
        return self.leadq / self.baseline if self.baseline else None

    @property
    def is_met(self) -> bool | None:
        """Whether the wish has come true; None where there is none."""
        if self.wish is None:
            return None
        number = self.ratio if self.wish.of_ratio else self.leadq
        return number is not None and self.wish.is_met(number)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure and where it was taken; `missing` says instead what could not be measured for want of a program."""

    benchmark: str
    database: str
    figure: Figure | None = None
    missing: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        where = {"benchmark": self.benchmark, "database": self.database}
        if self.figure is None:
            return {**where, "missing": self.missing}
        figure = self.figure
        return {
            **where,
            "what": figure.what,
            "jobs": figure.jobs,
            "unit": figure.unit,
            "leadq": _rounded(figure.leadq),
            "baseline": _rounded(figure.baseline),
            "beside": figure.beside,
            "ratio": _rounded(figure.ratio),
            "wished": figure.wish.text(figure.unit) if figure.wish else None,
            "met": figure.is_met,
        }


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")
