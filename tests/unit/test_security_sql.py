"""What strangers write reaches the database as values, never as a part of a statement."""

from __future__ import annotations

import ast
from pathlib import Path

import leadq

PACKAGE = Path(leadq.__file__).parent
RUNS_SQL = {"execute_sql", "executemany", "executescript"}

# every place where a statement is run that Peewee has not built, and what is run there
STATEMENTS = {
    ("store/dialect.py", "'SELECT VERSION()'"),
    ("store/health.py", "'SELECT VERSION()'"),
    (
        "store/health.py",
        "'SELECT sqlite_version(), page_count, page_size FROM pragma_page_count, pragma_page_size'",
    ),
    (
        "store/health.py",
        "'SELECT table_name, engine, table_collation FROM information_schema.tables"
        " WHERE table_schema = DATABASE() ORDER BY table_name'",
    ),
    ("store/health.py", "dialect.clock"),  # constants of the dialect
    ("store/health.py", "dialect.short_wait"),
    ("store/health.py", "statement"),
    ("store/health.py", "f'PRAGMA {name}'"),  # names that stand in that module
    ("store/health.py", "f'SHOW SESSION VARIABLES WHERE Variable_name IN ({marks})'"),  # marks for values
    ("store/mysql.py", "statement"),  # the constants of SESSION
    ("store/prepared.py", "self._sql"),  # built by Peewee; its values are given beside it
    ("store/prepared.py", "f\"{self._head} VALUES {', '.join([self._row] * len(rows))}\""),  # the same
    ("store/embedded.py", "'SELECT @@character_set_client'"),
    ("store/embedded.py", "write_lock"),  # a constant of the dialect
    ("store/late_begin.py", "sql"),  # what Peewee was asked to run
    ("store/late_begin.py", "f'BEGIN; {sql}'"),
    ("store/schema.py", "f'SELECT name FROM {HISTORY} ORDER BY name'"),  # a constant
    ("store/schema.py", "dialect.before_ddl"),  # constants
    ("store/schema.py", "dialect.after_ddl"),
    ("store/schema.py", "dialect.short_ddl_wait"),
    ("store/session.py", "query"),  # the dialect's constants
    ("store/session.py", "dialect.before_savepoint"),
}


def modules() -> list[tuple[str, ast.Module]]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [(str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def test_statements_that_are_not_built_by_peewee_are_known_one_by_one() -> None:
    found = {
        (name, ast.unparse(node.args[0]))
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _runs_sql(node.func) and node.args
    }
    assert found == STATEMENTS


def _runs_sql(function: ast.Attribute) -> bool:
    on_cursor = isinstance(function.value, ast.Name) and function.value.id in {"cursor", "connection"}
    return function.attr in RUNS_SQL or (function.attr == "execute" and on_cursor)


def test_no_query_holds_text_that_peewee_takes_for_sql() -> None:
    """SQL() stands in migrations alone, where it is constant."""
    for name, tree in modules():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) == "SQL"]
        if not name.startswith("store/migrations/"):
            assert calls == [], name
        assert all(isinstance(argument, ast.Constant) for call in calls for argument in call.args), name


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
