"""Commands as people and cron type them, which must end properly whatever goes on."""

from __future__ import annotations

from typing import Any

from tests.homes import Home, Result
from tests.process.soak.figures import Figures


class Shell:
    """Runs commands in a home as processes of their own."""

    def __init__(self, home: Home, figures: Figures) -> None:
        self._home = home
        self._figures = figures

    def run(self, *words: object) -> Any:
        """What a command prints with `--json`; None where it says that the database cannot be used now."""
        result = self._home.run(*words, "--json", exit_code=None)
        self._figures.note("commands")
        assert_proper(result, words)
        document = result.json
        if "error" not in document:
            return document
        assert document["error"]["type"] in {"StoreUnavailable", "StoreContended"}, (words, result)
        self._figures.note("commands told that the database is away")
        return None


def assert_proper(result: Result, words: object) -> None:
    """A command has done it, or has said in its own words why not."""
    assert result.exit_code in {0, 1}, (words, result)
    assert "Traceback" not in result.stdout + result.stderr, (words, result)
