"""The baseline of a drain, as a process: `python -m tests.benchmarks.bare_claims PROCESSES`, in a home.

The driver alone deletes the job before, takes the next one and commits, one commit a job, until there is none.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.benchmarks import stopwatch
from tests.benchmarks.bare_connection import BareConnection, connect


def main() -> None:
    bare = connect(Path(), os.environ)
    with bare.resource:
        stopwatch.wait_for_everyone(int(sys.argv[1]))
        job_id: int | None = None
        while (job_id := claim(bare, job_id)) is not None:
            stopwatch.note()


def claim(bare: BareConnection, done: int | None) -> int | None:
    """Ends one job and takes the next; its id."""
    bare.execute(bare.begin)
    bare.execute(f"DELETE FROM jobs WHERE id = {bare.mark}", (done,))
    row = bare.execute(
        "SELECT id, payload FROM jobs WHERE queue = 'default' AND stage = 1 ORDER BY priority, id LIMIT 1"
        + bare.free_row_lock
    ).fetchone()
    if row:
        bare.execute(f"UPDATE jobs SET stage = 2, attempts = attempts + 1 WHERE id = {bare.mark}", (row[0],))
    bare.execute("COMMIT")
    return int(row[0]) if row else None


if __name__ == "__main__":
    main()
