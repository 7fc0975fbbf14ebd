"""Numbers of things as people read them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 job`, `2,000 jobs`. `noun` is one that takes an s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
