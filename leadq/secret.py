"""Passwords and the like."""

from __future__ import annotations


class Secret:
    """A value that never prints itself: not in a log, not in a traceback, not in `repr(settings)`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that must send it."""
        return self._value

    def __repr__(self) -> str:
        return "********"
