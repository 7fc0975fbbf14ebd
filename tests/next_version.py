"""The next version of leadq: this one with a further migration, as real processes run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import leadq
from leadq.store import schema

VERSION = "99.0.0"
LATEST = "0099_regions"

# Written as leadq/store/migrations/__init__.py wants it.
MIGRATION = '''"""A region for jobs, failed jobs and leads."""

from peewee import CharField, IntegerField, Model, SqliteDatabase

from leadq.store.ddl import MYSQL_TABLE, create_missing


def up(migrator, db):
    class Regions(Model):
        name = CharField(max_length=64, primary_key=True)
        leads = IntegerField()

        class Meta:
            database = db
            table_name = "regions"
            table_settings = () if isinstance(db, SqliteDatabase) else MYSQL_TABLE

    for table in ("jobs", "failed_jobs", "leads"):
        if "region" not in {column.name for column in db.get_columns(table)}:
            db.execute_sql(f"ALTER TABLE {table} ADD COLUMN region VARCHAR(64) NOT NULL DEFAULT 'none'")
    if "jobs_region" not in {index.name for index in db.get_indexes("jobs")}:
        db.execute_sql("CREATE INDEX jobs_region ON jobs (region, stage)")
    create_missing(db, [Regions])
'''


def make_next_version(folder: Path) -> None:
    """Puts the package of the next version into a folder, which PYTHONPATH is to name."""
    package = folder / "leadq"
    shutil.copytree(Path(leadq.__file__).parent, package)
    _replace(package / "__init__.py", f'__version__ = "{leadq.__version__}"', f'__version__ = "{VERSION}"')
    _replace(package / "store" / "schema.py", f'LATEST = "{schema.LATEST}"', f'LATEST = "{LATEST}"')
    (package / "store" / "migrations" / f"{LATEST}.py").write_text(MIGRATION, encoding="utf-8")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), encoding="utf-8")
