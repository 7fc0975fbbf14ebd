"""Raw settings by key: where they come from, and what an absent one means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from leadq.errors import ConfigError, InvalidInput
from leadq.secret import Secret
from leadq.settings_keys import KEYS

T = TypeVar("T")

MAY_HOLD_A_PASSWORD = {"DB_URL", "MAIL_URL"}
UNSET = {"", "null", "(null)", "empty", "(empty)"}  # as Laravel's env() reads them


class Values:
    """Raw values by key, the environment first, and the ways to turn them into typed ones."""

    def __init__(self, file: Mapping[str, str | None], environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment

    def raw(self, key: str) -> str | None:
        """The value as written, or None where the key is absent or unset in the place that wins."""
        value = self._environment[key] if key in self._environment else self._file.get(key)
        if value is None or value.strip().lower() in UNSET:
            return None
        return value.strip()

    def text(self, key: str) -> str:
        """The value or its default, on one line."""
        value = self.raw(key)
        return one_line(value) if value is not None else default_of(key)

    def optional(self, key: str, parse: Callable[[str], T]) -> T | None:
        """The parsed value, or None where there is none."""
        value = self.raw(key)
        return None if value is None else self._parse(key, value, parse)

    def parsed(self, key: str, parse: Callable[[str], T]) -> T:
        """The parsed value, or the parsed default."""
        value = self.raw(key)
        return self._parse(key, default_of(key) if value is None else value, parse)

    def choice(self, key: str, *allowed: str) -> str:
        """One of `allowed`, in lower case."""

        def parse(text: str) -> str:
            if text.lower() not in allowed:
                raise ValueError("one of " + ", ".join(allowed))
            return text.lower()

        return self.parsed(key, parse)

    def secret(self, key: str) -> Secret | None:
        """The value, wrapped so that it never prints. Blanks at its ends are kept."""
        if self.raw(key) is None:
            return None
        return Secret((self._environment[key] if key in self._environment else self._file[key]) or "")

    @staticmethod
    def _parse(key: str, value: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(value)
        except (ValueError, InvalidInput) as error:
            expected = error.message if isinstance(error, InvalidInput) else f"expected {error}"
            shown = f"{key} is wrong" if key in MAY_HOLD_A_PASSWORD else f"{key}={one_line(value)[:80]} is wrong"
            hint = f"Correct {key} in .env or in the environment."
            raise ConfigError(f"{shown}: {expected}", hint=hint) from None


def default_of(key: str) -> str:
    """The default of a key that has one, as text."""
    default = KEYS[key].default
    assert default is not None, key  # noqa: S101 - a key without a default is read with optional()
    return default


def one_line(value: str) -> str:
    """`value` with line breaks and runs of blanks as one blank."""
    return " ".join(value.split())
