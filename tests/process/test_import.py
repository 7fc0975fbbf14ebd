"""Imports that are killed, that run at the same time as others, and that are large."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest

from leadq.lead_import.importer import CHUNK_ROWS
from tests.homes import Home, eventually
from tests.process.test_kill_points import killed_at
from tests.process.test_mysql_commands import start_many

# ru_maxrss would count the test process, too, that has forked it
PEAK = """
import sys
from leadq.cli import main
try:
    main(["-q", "lead", "import", sys.argv[1]])
except SystemExit as end:
    assert not end.code
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def write_file(home: Home, rows: int) -> str:
    """A file of leads with an address each, but for every hundredth row, which is bad."""
    name = f"leads-{rows}.csv"
    with (home.path / name).open("w", encoding="utf-8") as file:
        file.write("Name,Email\n")
        file.writelines(f"L{n},{'bad' if n % 100 == 0 else f'l{n}@example.com'}\n" for n in range(rows))
    return name


def good(rows: int) -> list[str]:
    """The addresses in that file, in order."""
    return [f"l{n}@example.com" for n in range(rows) if n % 100]


def addresses(home: Home) -> list[str]:
    return [email for (email,) in home.sql("SELECT email FROM leads ORDER BY id")]


def assert_whole(home: Home) -> None:
    """Each lead has a job and a delivery, and each job is counted in its batch."""
    joined = (
        "SELECT COUNT(*) FROM leads l JOIN deliveries d ON d.lead_id = l.id AND d.user_id = l.user_id"
        " JOIN jobs j ON j.uuid = d.uuid JOIN job_batches b ON b.id = j.batch_id"
    )
    ((complete,),) = home.sql(joined)
    assert complete == home.count("leads") == home.count("jobs") == home.count("deliveries")
    batches = home.sql(
        "SELECT b.id FROM job_batches b LEFT JOIN jobs j ON j.batch_id = b.id"
        " GROUP BY b.id, b.total_jobs, b.pending_jobs"
        " HAVING COUNT(j.id) <> b.total_jobs OR b.total_jobs <> b.pending_jobs"
    )
    assert batches == []
    told = home.sql("SELECT j.payload, d.lead_id, d.user_id FROM jobs j JOIN deliveries d ON d.uuid = j.uuid")
    assert all(
        json.loads(payload)["data"] == {"lead_id": lead, "user_id": user, "test": False} for payload, lead, user in told
    )


def test_killed_again_and_again_it_neither_loses_nor_doubles_a_row(staffed: Home) -> None:
    staffed.leadq("user", "create", "--name", "Ben", "--email", "ben@example.com")
    rows = 8000
    name = write_file(staffed, rows)
    for _ in range(3):
        before = staffed.count("leads")
        process = staffed.start("lead", "import", name)
        eventually(lambda before=before: staffed.count("leads") > before)
        process.kill()
        process.communicate()
        assert_whole(staffed)
        assert addresses(staffed) == good(rows)[: staffed.count("leads")]
    result = staffed.run("lead", "import", name, exit_code=1)
    assert f", {rows // 100} rejected (see leads-{rows}.rejects.csv)" in result.stdout
    assert_whole(staffed)
    assert addresses(staffed) == good(rows)
    owners = [user for (user,) in staffed.sql("SELECT user_id FROM leads ORDER BY id")]
    assert owners == [1, 2] * (len(owners) // 2)
    with (staffed.path / f"leads-{rows}.rejects.csv").open() as file:
        assert len(file.readlines()) == 1 + rows // 100


def test_killed_inside_a_chunk_nothing_of_that_chunk_is_there(staffed: Home) -> None:
    name = write_file(staffed, 2000)
    killed_at(staffed, "in the third chunk of an import", "lead", "import", name)
    assert addresses(staffed) == good(2 * CHUNK_ROWS)
    assert_whole(staffed)
    result = staffed.run("lead", "import", name, exit_code=1)
    assert result.stdout.startswith(f"{len(good(2000)) - len(good(2 * CHUNK_ROWS))} leads created, ")
    assert addresses(staffed) == good(2000)
    assert_whole(staffed)


def test_two_imports_of_one_file_at_once_double_nothing(staffed: Home) -> None:
    name = write_file(staffed, 3000)
    ends = [staffed.ended(shell) for shell in [staffed.start("lead", "import", name, "--json") for _ in range(2)]]
    assert [end.exit_code for end in ends] == [1, 1], ends
    told = [json.loads(end.stdout) for end in ends]
    assert sum(one["created"] for one in told) == len(good(3000))
    assert sorted(addresses(staffed)) == sorted(good(3000))
    assert_whole(staffed)


def test_leads_that_are_created_meanwhile_get_their_turn(staffed: Home) -> None:
    for user in ("ben", "cy"):
        staffed.leadq("user", "create", "--name", user, "--email", f"{user}@example.com")
    name = write_file(staffed, 2000)
    create = ("-q", "lead", "create", "--name", "Bo", "--email", "boNUMBER@example.com")
    shells = [start_many(staffed, 20, *create) for _ in range(2)]
    importing = staffed.ended(staffed.start("lead", "import", name, "--json"))
    ends = [staffed.ended(shell) for shell in shells]
    assert [end.exit_code for end in ends] == [0, 0], ends
    assert json.loads(importing.stdout)["created"] == len(good(2000))
    owners = Counter(user for (user,) in staffed.sql("SELECT user_id FROM leads"))
    assert sum(owners.values()) == len(good(2000)) + 40
    assert max(owners.values()) - min(owners.values()) <= 1
    assert staffed.count("jobs") == staffed.count("deliveries") == sum(owners.values())


@pytest.mark.sqlite_only("the memory is this process's, whatever the database")
def test_ten_times_the_rows_need_no_more_memory(staffed: Home) -> None:
    peaks = []
    for rows in (1000, 10_000):
        (staffed.path / f"{rows}.csv").write_text(
            "Name,Email,Message\n" + "".join(f"L{n},l{n}-{rows}@example.com,{'x' * 200}\n" for n in range(rows))
        )
        process = staffed.spawn([sys.executable, "-c", PEAK, f"{rows}.csv"])
        ended = staffed.ended(process)
        assert ended.exit_code == 0, ended
        peaks.append(int(ended.stdout.split()[-1]))
    assert staffed.count("leads") == 11_000
    assert peaks[1] - peaks[0] < 3_000, peaks  # kB
