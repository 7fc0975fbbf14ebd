"""Measures leadq, each figure beside its baseline in the same run: rounds are interleaved, and medians told.

`python -m tests.benchmarks [NAME …] [--database sqlite|mariadb|both] [--rounds N] [--jobs N] [--json]`

It needs what pip and Debian have: MariaDB for its rows, Postfix's smtp-sink for one of those about mail. Beside it,
`python -m tests.benchmarks.recovery` tells how soon a killed worker's job runs again, and `python -m
tests.benchmarks.triage` what looking through many failed jobs costs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from collections.abc import Iterator, Sequence

from tests.benchmarks.bench import DATABASES, DURABILITY, Bench, NotInstalled
from tests.benchmarks.figures import Row
from tests.benchmarks.plan import JOBS, ROUNDS, Plan
from tests.benchmarks.table import print_table

# which databases each is about
BENCHMARKS: dict[str, Sequence[str]] = {
    "drain": DATABASES,
    "mail": DATABASES,
    "late_mail": ("sqlite",),
    "pick_up": DATABASES,
    "idle": DATABASES,
    "flatness": DATABASES,
    "enqueue": DATABASES,
    "lead_import": DATABASES,
    "start_up": ("sqlite",),
}


def rows_of(names: Sequence[str], databases: Sequence[str], plan: Plan) -> Iterator[Row]:
    """Runs benchmarks and gives their rows as they come."""
    for name in names:
        module = importlib.import_module(f"tests.benchmarks.{name}")
        for database in BENCHMARKS[name]:
            if database not in databases:
                continue
            try:
                with Bench(plan, database) as bench:
                    for figure in module.figures(bench):
                        yield Row(benchmark=name, database=database, figure=figure)
            except NotInstalled as missing:
                yield Row(benchmark=name, database=database, missing=str(missing))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all of them by default")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both", help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each thing is measured (%(default)s)")
    parser.add_argument("--jobs", type=int, default=JOBS, help="jobs of a drain; all else in proportion (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {', '.join(unknown)}: expected {', '.join(BENCHMARKS)}")
    plan = Plan(jobs=given.jobs, rounds=given.rounds)
    databases = DATABASES if given.database == "both" else (given.database,)
    durability = {database: DURABILITY[database] for database in databases}
    rows = list(rows_of(given.names or list(BENCHMARKS), databases, plan))
    if given.json:
        run = {"jobs": plan.jobs, "rounds": plan.rounds, "durability": durability, "python": platform.python_version()}
        print(json.dumps({**run, "rows": [row.document for row in rows]}, indent=2))
    else:
        title = f"{plan.jobs:,} jobs a drain, medians of {plan.rounds} rounds, Python {platform.python_version()}"
        print_table(rows, title=title, durability=durability)


if __name__ == "__main__":
    main()
