"""The README is held to the code."""

from __future__ import annotations

from pathlib import Path

from leadq.cli import COMMANDS
from leadq.settings_keys import KEYS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_that_of_the_code() -> None:
    head = "| key | default | meaning |\n| --- | --- | --- |\n"
    rows = [f"| `{key.name}` | {f'`{key.default}`' if key.default else ''} | {key.meaning} |" for key in KEYS.values()]
    table = README.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    assert table == head + "\n".join(rows) + "\n"


def test_every_command_is_told() -> None:
    table = README.partition("## Commands")[2].partition("\n## ")[0]
    assert [name for name in COMMANDS if f"`{name}" not in table and f" {name}" not in table] == []
