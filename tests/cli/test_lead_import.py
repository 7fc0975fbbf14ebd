"""`lead import`."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import Any

import pytest

from leadq.lead_import import importer
from tests.cli.conftest import Terminal, create_lead
from tests.homes import Home, Result, eventually

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HEADER = "Name,Email"
GOOD = f"{HEADER}\nBo,bo@example.com\nZoë,zoe@example.com\n"
MIXED = f"{HEADER}\nBo,bo@example.com\n,no-name@example.com\nBad,nope\nZoë,zoe@example.com\n"
TABLES = ("leads", "jobs", "deliveries", "job_batches")


def put(home: Home, content: str | bytes, name: str = "leads.csv") -> Path:
    """A file in the home."""
    path = home.path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def imported(home: Home, content: str | bytes, *options: object, exit_code: int = 0) -> Result:
    """What `lead import` says to a file with this content."""
    put(home, content)
    return home.leadq("lead", "import", "leads.csv", *options, exit_code=exit_code)


def counts(home: Home) -> list[int]:
    return [home.count(table) for table in TABLES]


def emails(home: Home) -> list[str]:
    return [email for (email,) in home.sql("SELECT email FROM leads ORDER BY id")]


def rejects(home: Home, name: str = "leads.rejects.csv", encoding: str = "utf-8") -> list[list[str]]:
    with (home.path / name).open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


def files(home: Home) -> set[str]:
    return {str(path.relative_to(home.path)) for path in home.path.rglob("*") if path.is_file()} - {
        f"storage/leadq.db{end}" for end in ("", "-wal", "-shm")
    }


# --- what is stored ------------------------------------------------------------------------------------


def test_leads_and_their_notifications_are_stored(staffed: Home) -> None:
    result = imported(staffed, GOOD)
    assert result.stdout == "2 leads created, 0 skipped, 0 rejected\n"
    assert re.fullmatch(
        rf"Read as UTF-8, with commas between the fields\.\nThe jobs are batch {UUID}\.\n", result.stderr
    )
    assert counts(staffed) == [2, 2, 2, 1]
    staffed.leadq("work", "--stop-when-empty")
    assert len(staffed.mails) == 2
    assert [lead["notification"] for lead in staffed.json("lead", "list")["leads"]] == ["sent", "sent"]


def test_it_prints_json(staffed: Home) -> None:
    put(staffed, MIXED)
    document = staffed.json("lead", "import", "leads.csv", exit_code=1)
    ((batch, total, pending),) = staffed.sql("SELECT id, total_jobs, pending_jobs FROM job_batches")
    assert document == {
        "batch": batch,
        "created": 2,
        "skipped": 0,
        "rejected": 2,
        "rejects_file": str(staffed.path / "leads.rejects.csv"),
    }
    assert (total, pending) == (2, 2)
    put(staffed, GOOD)
    assert staffed.json("lead", "import", "leads.csv") == {
        "batch": None,
        "created": 0,
        "skipped": 2,
        "rejected": 0,
        "rejects_file": None,
    }


def test_an_imported_lead_is_like_one_that_was_created(staffed: Home) -> None:
    """Row by row, but for ids, times and the batch."""
    given = {"phone": "+1 555", "company": "Acme", "source": "fair", "message": 'one\n"two"'}
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    create_lead(staffed, "Bo", *options, "--queue", "high", "--priority", "-5", "--delay", "1h")
    row = 'Bo,bo@example.com,+1 555,Acme,fair,"one\n""two"""'
    content = f"Name,Email,Phone,Company,Source,Message\n{row}\n"
    imported(staffed, content, "--on-duplicate", "create", "--queue", "high", "--priority", "-5", "--delay", "1h")
    leads = staffed.sql("SELECT name, email, phone, company, source, message, user_id FROM leads")
    assert leads[0] == leads[1]
    jobs = staffed.sql("SELECT queue, attempts, reserved_at, priority, stage, worker_id, last_error FROM jobs")
    assert jobs[0] == jobs[1]
    waits = staffed.sql("SELECT available_at - created_at FROM jobs")
    assert waits == [(3600,), (3600,)]
    created, copied = (staffed.json("jobs", number)["payload"] for number in (1, 2))
    variable = re.compile(rf'{UUID}|"createdAt":\d+|"lead_id":\d+')
    assert variable.sub("", created) == variable.sub("", copied)
    assert '"lead_id":2' in copied
    assert staffed.sql("SELECT j.uuid = d.uuid FROM jobs j JOIN deliveries d ON d.lead_id = j.id") == [(1,), (1,)]
    deliveries = staffed.sql(
        "SELECT user_id, status, attempts, message_id, reply, error, sent_at, test FROM deliveries"
    )
    assert deliveries[0] == deliveries[1]


def test_leads_go_round_as_if_they_were_created_one_by_one(staffed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "CHUNK_ROWS", 4)
    for name in ("ben", "cy"):
        staffed.leadq("user", "create", "--name", name, "--email", f"{name}@example.com")
    staffed.leadq("user", "deactivate", 2)
    create_lead(staffed)
    imported(staffed, "Name,Email\n" + "".join(f"L{n},l{n}@example.com\n" for n in range(9)))
    staffed.leadq("user", "activate", 2)
    create_lead(staffed)
    create_lead(staffed)
    owners = [user for (user,) in staffed.sql("SELECT user_id FROM leads ORDER BY id")]
    assert owners == [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 2, 1]
    assert staffed.count("job_batches") == 1


def test_all_go_to_a_user_who_is_named(staffed: Home) -> None:
    staffed.leadq("user", "create", "--name", "Ben", "--email", "ben@example.com")
    imported(staffed, GOOD, "--user", "BEN@example.com")
    assert staffed.sql("SELECT DISTINCT user_id FROM deliveries") == [(2,)]
    assert create_lead(staffed)["lead"]["user_id"] == 1


def test_without_an_active_user_leads_are_kept_and_one_warning_says_how_many(staffed: Home) -> None:
    staffed.leadq("user", "deactivate", 1)
    dry = imported(staffed, GOOD, "--dry-run")
    result = imported(staffed, GOOD)
    assert result.stdout == "2 leads created, 0 skipped, 0 rejected\n"
    for said, verb in ((dry, "would have"), (result, "have")):
        assert said.stderr.count("Warning") == 1
        assert f"there is no active user, so 2 leads {verb} nobody who is told." in said.stderr
    assert counts(staffed) == [2, 0, 0, 0]


def test_with_a_sync_queue_the_jobs_wait_and_it_says_so(staffed: Home) -> None:
    staffed.environment["QUEUE_CONNECTION"] = "sync"
    result = imported(staffed, GOOD)
    assert "Warning: QUEUE_CONNECTION=sync: an import's jobs wait all the same." in result.stderr
    assert (counts(staffed)[:2], staffed.mails) == ([2, 2], [])


def test_the_log_says_when_it_began_and_how_it_ended(staffed: Home) -> None:
    imported(staffed, MIXED, exit_code=1)
    assert 'INFO: Lead import started {"file": "leads.csv", "user": null, "on_duplicate": "skip"}' in staffed.log
    assert 'INFO: Lead import ended {"file": "leads.csv", "created": 2, "skipped": 0, "rejected": 2' in staffed.log


# --- duplicates ----------------------------------------------------------------------------------------

TWINS = f"{HEADER}\nBo,BO@example.com\nZoë,zoe@example.com\nZoe,Zoe@EXAMPLE.com\n"


def test_an_address_that_is_there_is_skipped_whatever_its_case(staffed: Home) -> None:
    create_lead(staffed)
    assert imported(staffed, TWINS).stdout == "1 lead created, 2 skipped, 0 rejected\n"
    assert emails(staffed) == ["bo@example.com", "zoe@example.com"]
    assert imported(staffed, TWINS).stdout == "0 leads created, 3 skipped, 0 rejected\n"


def test_duplicates_are_created_where_that_is_asked_for(staffed: Home) -> None:
    create_lead(staffed)
    result = imported(staffed, TWINS, "--on-duplicate", "create")
    assert result.stdout == "3 leads created, 0 skipped, 0 rejected\n"
    assert emails(staffed) == ["bo@example.com", "BO@example.com", "zoe@example.com", "Zoe@example.com"]


def test_duplicates_are_rejected_where_that_is_asked_for(staffed: Home) -> None:
    create_lead(staffed)
    result = imported(staffed, TWINS, "--on-duplicate", "error", exit_code=1)
    assert result.stdout == "1 lead created, 0 skipped, 2 rejected (see leads.rejects.csv)\n"
    reason = "a lead with this address is there already, or a row before has it"
    assert rejects(staffed)[1:] == [["2", reason, "Bo", "BO@example.com"], ["4", reason, "Zoe", "Zoe@EXAMPLE.com"]]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["stored", "dry"])
@pytest.mark.parametrize("policy", ["skip", "create", "error"])
def test_duplicates_are_found_from_chunk_to_chunk(
    staffed: Home, monkeypatch: pytest.MonkeyPatch, policy: str, dry: tuple[str, ...]
) -> None:
    monkeypatch.setattr(importer, "CHUNK_ROWS", 2)
    create_lead(staffed)
    rows = [f"L{n},l{n % 3}@example.com" for n in range(7)] + ["Bo,bo@example.com", "X,x", "Y,y@example.com"]
    put(staffed, "\n".join([HEADER, *rows]))
    document = staffed.json("lead", "import", "leads.csv", "--on-duplicate", policy, *dry, exit_code=1)
    numbers = [document[key] for key in ("created", "skipped", "rejected")]
    assert numbers == {"skip": [4, 5, 1], "create": [9, 0, 1], "error": [4, 0, 6]}[policy]
    assert staffed.count("leads") == 1 + (0 if dry else numbers[0])


# --- rejects -------------------------------------------------------------------------------------------


def test_rejects_are_kept_as_they_were_with_line_and_reason_and_quoted(staffed: Home) -> None:
    bad = [
        "Name,Email,Note\n",
        "Bo,bo@example.com,\n",
        '" ",no-name@example.com," a ""b"",\nc "\n',
        "Bad,nope,=1+1\n",
        "\n",
        "Few\n",
        "Many,many@example.com,x,y\n",
        f"{'x' * 256},long@example.com,\n",
        'Last,last@example.com,"never closed\n',
    ]
    imported(staffed, "".join(bad), exit_code=1)
    found = rejects(staffed)
    assert found[0] == ["leadq_line", "leadq_reason", "Name", "Email", "Note"]
    assert [row[0] for row in found[1:]] == ["3", "5", "7", "8", "9", "10"]
    assert [row[2:] for row in found[1:]] == [
        [" ", "no-name@example.com", ' a "b",\nc '],
        ["Bad", "nope", "=1+1"],
        ["Few"],
        ["Many", "many@example.com", "x", "y"],
        ["x" * 256, "long@example.com", ""],
        ["Last", "last@example.com", "never closed\n"],
    ]
    for row, reason in zip(
        found[1:],
        (
            "the lead's name is empty",
            "'nope' is not an email address",
            "it has 1 field: expected 3",
            "it has 4 fields: expected 3",
            "the lead's name has 256 characters: expected at most 255",
            "a quotation mark is never closed",
        ),
        strict=True,
    ):
        assert row[1].startswith(reason)
    text = (staffed.path / "leads.rejects.csv").read_text()
    assert text.startswith('"leadq_line","leadq_reason","Name","Email","Note"\n"3","the lead')
    assert emails(staffed) == ["bo@example.com"]
    assert (staffed.path / "leads.rejects.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_mended_rejects_are_imported_again(staffed: Home, encoding: str, delimiter: str) -> None:
    content = MIXED.replace("Bad,", '"Bäd, the ""worst""; one",').replace(",", delimiter)
    if delimiter == ",":
        content = MIXED.replace("Bad,", '"Bäd, the ""worst""; one",')
    imported(staffed, content.encode(encoding), exit_code=1)
    path = staffed.path / "leads.rejects.csv"
    kept = "utf-8" if encoding == "utf-8" else "utf-8-sig"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") == (kept == "utf-8-sig")
    text = path.read_text(encoding=kept)
    path.write_text(text.replace('"nope"', '"bad@example.com"'), encoding=kept)
    result = staffed.leadq("lead", "import", path.name, exit_code=1)
    assert result.stdout == "1 lead created, 0 skipped, 1 rejected (see leads.rejects.rejects.csv)\n"
    assert "Ignored" not in result.stderr
    assert staffed.sql("SELECT name FROM leads WHERE email = 'bad@example.com'")[0][0].startswith("Bäd")
    again = staffed.path / "leads.rejects.rejects.csv"
    header, row = again.read_text(encoding=kept).splitlines()
    assert header.count("leadq_line") == 1
    again.write_text("\n".join([header, row.replace('""', '"Nemo"')]), encoding=kept)
    staffed.leadq("lead", "import", again.name)
    assert staffed.count("leads") == 4


def test_without_rejects_there_is_no_file_and_an_earlier_one_stays_and_is_named(staffed: Home) -> None:
    before = files(staffed)
    imported(staffed, GOOD)
    assert files(staffed) == before | {"leads.csv", "storage/logs/leadq.log"}
    imported(staffed, MIXED, exit_code=1)
    result = imported(staffed, GOOD)
    assert "leads.rejects.csv is from an earlier run." in result.stderr
    assert len(rejects(staffed)) == 3


def test_an_earlier_file_of_rejects_is_replaced(staffed: Home) -> None:
    imported(staffed, MIXED, exit_code=1)
    imported(staffed, f"{HEADER}\nX,x\n", exit_code=1)
    assert [row[2:] for row in rejects(staffed)] == [["Name", "Email"], ["X", "x"]]


@pytest.mark.parametrize("obstacle", ["a file", "a link", "a hard link", "a folder", "a pipe", "a link to nowhere"])
def test_what_is_no_file_of_rejects_is_left_alone_and_they_go_into_the_storage(staffed: Home, obstacle: str) -> None:
    beside = staffed.path / "leads.rejects.csv"
    precious = put(staffed, '"leadq_line","leadq_reason"\nprecious\n', "precious.csv")
    match obstacle:
        case "a file":
            beside.write_text("precious\n")
        case "a link":
            beside.symlink_to(precious)
        case "a hard link":
            beside.hardlink_to(precious)
        case "a folder":
            beside.mkdir()
        case "a pipe":
            os.mkfifo(beside)
        case "a link to nowhere":
            beside.symlink_to(staffed.path / "nowhere")
    result = imported(staffed, MIXED, exit_code=1)
    there = staffed.path / "storage" / "leads.rejects.csv"
    assert result.stdout == f"2 leads created, 0 skipped, 2 rejected (see {there})\n"
    assert len(rejects(staffed, "storage/leads.rejects.csv")) == 3
    assert precious.read_text().endswith("precious\n")
    assert not (staffed.path / "nowhere").exists()
    if obstacle == "a file":
        assert beside.read_text() == "precious\n"


def test_with_no_place_for_rejects_it_ends_with_an_error_that_says_how_far_it_came(staffed: Home) -> None:
    for place in ("leads.rejects.csv", "storage/leads.rejects.csv"):
        (staffed.path / place).mkdir()
    result = imported(staffed, MIXED, exit_code=1)
    assert "Error: there is no place for the rejected rows (leads.rejects.csv: " in result.stderr
    assert "So far: 2 leads created, 0 skipped, 2 rejected. Import the file again to go on" in result.stderr


def test_a_file_of_another_kind_of_name_has_its_rejects_under_its_whole_name(staffed: Home) -> None:
    put(staffed, MIXED, "export.TXT")
    assert "(see export.TXT.rejects.csv)" in staffed.leadq("lead", "import", "export.TXT", exit_code=1).stdout
    put(staffed, MIXED, "export.CSV")
    assert "(see export.rejects.csv)" in staffed.leadq("lead", "import", "export.CSV", exit_code=1).stdout


# --- a dry run -----------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_happen_and_writes_nothing(staffed: Home) -> None:
    create_lead(staffed, "Bo")
    (staffed.path / "storage" / "logs" / "leadq.log").unlink()
    put(staffed, MIXED)
    before, rows = files(staffed), counts(staffed)
    result = staffed.leadq("lead", "import", "leads.csv", "--dry-run", exit_code=1)
    assert result.stdout == "1 lead would be created, 1 skipped, 2 rejected; nothing was stored.\n"
    assert result.stderr == (
        "Read as UTF-8, with commas between the fields.\n"
        "line 3: the lead's name is empty\n"
        "line 4: 'nope' is not an email address: An email address must have an @-sign.\n"
    )
    document = staffed.json("lead", "import", "leads.csv", "--dry-run", exit_code=1)
    assert document == {"batch": None, "created": 1, "skipped": 1, "rejected": 2, "rejects_file": None}
    assert (files(staffed), counts(staffed)) == (before, rows)


def test_a_dry_run_tells_the_first_reasons(staffed: Home) -> None:
    result = imported(staffed, "Name,Email\n" + "X,x\n" * 1000, "--dry-run", exit_code=1)
    assert result.stderr.count("is not an email address") == 10
    assert result.stderr.endswith("… and 990 more\n")


# --- what cannot be imported ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "leads.csv is empty\n"),
        (b"\n\n", "leads.csv is empty\n"),
        (b"Name,Email\nBo\0,bo@example.com\n", "leads.csv is no text file: it has NUL bytes\n"),
        (b"Name,Email\n\x81,bo@example.com\n", "line 2 of leads.csv is neither UTF-8 nor Windows-1252\n"),
        (b"PK\x03\x04", "leads.csv is no CSV file; it looks like an Excel workbook\n"),
        (
            b"Bo,bo@example.com\n",
            "no column for the lead's name or email was found; the columns are Bo, bo@example.com\n"
            "  Say which one it is, such as: --map Bo=name\n",
        ),
        (
            b"\x1b[2JNom,Email\n",
            "no column for the lead's name was found; the columns are [2JNom, Email\n"
            "  Say which one it is, such as: --map ' [2JNom=name'\n",
        ),
    ],
)
def test_a_file_that_is_no_such_thing_is_an_error_and_nothing_is_stored(
    staffed: Home, content: bytes, says: str
) -> None:
    result = imported(staffed, content, exit_code=1)
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {says}")
    error = staffed.json("lead", "import", "leads.csv", exit_code=1)["error"]
    assert error["type"] == "InvalidInput"
    assert counts(staffed) == [0, 0, 0, 0]
    assert not (staffed.path / "leads.rejects.csv").exists()


def test_what_is_no_file_is_an_error(staffed: Home) -> None:
    os.mkfifo(staffed.path / "pipe.csv")
    twice = "must be read twice, which a pipe or a device cannot\n  Save it to a file, and import that.\n"
    for name, says in (
        ("nowhere.csv", "nowhere.csv cannot be read: No such file or directory\n"),
        ("storage", "storage is a folder\n  Give a CSV file.\n"),
        ("pipe.csv", f"pipe.csv {twice}"),
        ("/dev/null", f"/dev/null {twice}"),
        ("-", f"standard input {twice}"),
        ("a/../../x\x1b[2J", "a/../../x [2J cannot be read: No such file or directory\n"),
    ):
        result = staffed.leadq("lead", "import", name, exit_code=1)
        assert (result.stdout, result.stderr) == ("", f"Error: {says}")
    assert staffed.count("leads") == 0


def test_a_file_that_the_system_does_not_open_is_an_error(staffed: Home) -> None:
    (staffed.path / "leads.csv").symlink_to("leads.csv")
    result = staffed.leadq("lead", "import", "leads.csv", exit_code=1)
    assert result.stderr == "Error: leads.csv cannot be read: Too many levels of symbolic links\n"


def test_a_header_alone_is_no_error(staffed: Home) -> None:
    assert imported(staffed, HEADER).stdout == "0 leads created, 0 skipped, 0 rejected\n"
    assert counts(staffed) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--user", "7"), "there is no user 7"),
        (("--priority", "9999999999"), "priority 9999999999 is out of range"),
        (("--map", "Nmae=name"), "there is no column 'Nmae'; the columns are Name, Email"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["stored", "dry"])
def test_what_is_wrong_with_an_option_is_said_before_anything_is_stored(
    staffed: Home, options: tuple[str, ...], says: str, dry: tuple[str, ...]
) -> None:
    assert imported(staffed, GOOD, *options, *dry, exit_code=1).stderr.startswith(f"Error: {says}")
    assert counts(staffed) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "Missing argument 'FILE.csv'."),
        (("x.csv", "--map", "name"), "'name': expected COL=FIELD, where FIELD is one of name, first_name"),
        (("x.csv", "--map", "a=b"), "'a=b': expected COL=FIELD"),
        (("x.csv", "--map", "=name"), "'=name': expected COL=FIELD"),
        (("x.csv", "--delimiter", "ab"), "'ab': expected comma, semicolon, tab, or one character"),
        (("x.csv", "--delimiter", '"'), "expected comma, semicolon, tab, or one character"),
        (("x.csv", "--on-duplicate", "merge"), "'merge' is not one of"),
    ],
)
def test_wrong_usage_exits_2(staffed: Home, options: tuple[str, ...], says: str) -> None:
    result = staffed.leadq("lead", "import", *options, exit_code=2)
    assert says in " ".join(result.stderr.split())


def test_columns_are_mapped_and_others_named(staffed: Home) -> None:
    content = "Wer=was;Post;Kommentar;Stadt\nBo;bo@example.com;Hallo;Ulm\n"
    mapping = ("--map", "wer=was=NAME", "--map", "Post=email", "--map", "Kommentar=message")
    result = imported(staffed, content, *mapping)
    assert result.stderr.splitlines()[:2] == [
        "Read as UTF-8, with semicolons between the fields.",
        "Ignored columns: Stadt.",
    ]
    assert staffed.sql("SELECT name, email, message FROM leads") == [("Bo", "bo@example.com", "Hallo")]


def test_a_delimiter_may_be_given(staffed: Home) -> None:
    for number, (name, delimiter) in enumerate((("|", "|"), ("tab", "\t"), ("\\t", "\t"), ("Semicolon", ";"))):
        imported(staffed, f"Name{delimiter}Email\nBo{delimiter}bo{number}@example.com\n", "--delimiter", name)
    assert staffed.count("leads") == 4


def test_quiet_says_the_result_alone(staffed: Home) -> None:
    put(staffed, GOOD)
    result = staffed.leadq("-q", "lead", "import", "leads.csv")
    assert (result.stdout, result.stderr) == ("2 leads created, 0 skipped, 0 rejected\n", "")


# --- on the way ----------------------------------------------------------------------------------------


def many(count: int) -> str:
    return "Name,Email\n" + "".join(f"L{n},l{n}@example.com\n" for n in range(count))


def test_a_store_that_fails_on_the_way_leaves_whole_chunks_and_says_how_to_go_on(
    staffed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "CHUNK_ROWS", 3)
    trigger = "BEFORE INSERT ON deliveries WHEN NEW.lead_id = 8 BEGIN SELECT RAISE(ABORT, 'sabotage'); END"
    staffed.sql(f"CREATE TRIGGER sabotage {trigger}")
    result = imported(staffed, many(10), exit_code=1)
    assert "So far: 6 leads created, 0 skipped, 0 rejected. Import the file again to go on" in result.stderr
    assert "Error: the database refused a statement: sabotage" in result.stderr
    assert counts(staffed) == [6, 6, 6, 1]
    assert 'ERROR: Lead import broken off {"file": "leads.csv", "created": 6' in staffed.log
    staffed.sql("DROP TRIGGER sabotage")
    assert imported(staffed, many(10)).stdout == "4 leads created, 6 skipped, 0 rejected\n"
    assert emails(staffed) == [f"l{n}@example.com" for n in range(10)]
    assert staffed.sql("SELECT total_jobs FROM job_batches ORDER BY total_jobs") == [(4,), (6,)]


def test_ctrl_c_ends_it_after_the_chunk_with_the_true_count(staffed: Home) -> None:
    put(staffed, many(60_000))
    screen = Terminal(staffed, "lead", "import", "leads.csv")
    eventually(lambda: staffed.count("leads") > 0)
    screen.press("c")
    ended = screen.end()
    assert ended.exit_code == 1
    (told,) = re.findall(r"interrupted; so far: (\d+) leads created, 0 skipped, 0 rejected", ended.text)
    assert counts(staffed) == [int(told)] * 3 + [1]
    assert 0 < int(told) < 60_000
    assert "Import the file again to go on" in ended.text


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_a_bar(staffed: Home, columns: int) -> None:
    put(staffed, many(3000))
    screen = Terminal(staffed, "lead", "import", "leads.csv", columns=columns).end()
    assert screen.exit_code == 0
    assert "rows" in screen.text
    assert screen.text.splitlines()[-2].endswith("3000 leads created, 0 skipped, 0 rejected")


def test_a_pipe_gets_a_line_now_and_then(staffed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadq.output.progress.LINE_SECONDS", 0.0)
    result = imported(staffed, many(1000))
    lines = [line for line in result.stderr.splitlines() if " rows, " in line]
    assert len(lines) == 3
    assert re.fullmatch(r"1,000 rows, 100%, [\d,]+/s, 0 s left", lines[-1])


def test_values_that_could_do_harm_are_told_harmlessly(staffed: Home) -> None:
    hostile = "\x1b[2J\u202ex"
    content = f"Name,Email,{hostile}\nBo,{hostile},\n"
    result = imported(staffed, content, "--dry-run", exit_code=1)
    assert "\x1b" not in result.stderr + result.stdout
    assert "\u202e" not in result.stderr + result.stdout


def test_long_values_make_smaller_chunks(staffed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    take = importer.LeadImport._take
    monkeypatch.setattr(importer.LeadImport, "_take", lambda run, chunk: (taken.append(len(chunk)), take(run, chunk)))
    message = "x" * 200_000
    imported(staffed, "Name,Email,Message\n" + "".join(f"L,l{n}@example.com,{message}\n" for n in range(7)))
    assert taken == [3, 3, 1]
    assert staffed.count("leads") == 7
