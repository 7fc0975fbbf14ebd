"""The migrations, in the order of their numbers. One that has shipped is never changed: what is new is a further one.

The rule: **a migration only adds**, so that the programs of the version before go on working on the database, until
each is started anew. What is no longer needed is taken away a version later, when no program uses it any more.

- It may add tables, and indexes that are not unique, or unique over new columns alone.
- It may add columns that are nullable or have a default in the database itself: the version before names its columns
  when it inserts, and does not know the new ones. So does every other program that enqueues with a plain INSERT.
- What was there keeps its name, type, default and meaning. The new version must therefore make do with rows that the
  version before has left, or goes on to write, without the new columns; what is kept in two columns would differ.
- It touches few rows: on SQLite it keeps everybody from writing while it runs.
- MySQL commits each statement by itself, so a migration may have been broken off anywhere: it looks first what is
  there. `create_missing` (store/ddl.py) does for tables and their indexes. A column:

      if "region" not in {column.name for column in db.get_columns("jobs")}:
          db.execute_sql("ALTER TABLE jobs ADD COLUMN region VARCHAR(64) NOT NULL DEFAULT ''")

  Not by `migrator.add_column`, which writes every row and, on SQLite, the whole table anew.

Who looks at the version: commands and workers at their start, and never again. So those that run while `leadq migrate`
does go on; the version before, started afterwards, refuses, as the new one does before. An application that embeds the
version before goes on even when it is started anew: its leads must not be lost to an upgrade elsewhere.

tests/store/test_migrations_only_add.py holds every migration to what of this can be seen in the schema;
tests/process/test_upgrade.py has both versions work side by side.
"""
