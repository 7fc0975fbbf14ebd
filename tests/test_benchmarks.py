"""The benchmarks run: their figures come out and are told. How large they are is nobody's business here."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.__main__ import main

QUICK = ("--database", "sqlite", "--jobs", "40", "--rounds", "1")


def test_a_table_tells_each_figure_beside_its_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    main(["drain", "start_up", *QUICK])
    told = capsys.readouterr().out
    assert "no-op jobs, 1 worker" in told
    assert "leadq lead create" in told
    assert told.endswith("sqlite: synchronous=FULL\n")


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["enqueue", "late_mail", "--json", *QUICK])
    document = json.loads(capsys.readouterr().out)
    assert document["durability"] == {"sqlite": "synchronous=FULL"}
    enqueue, *mails = document["rows"]
    assert enqueue["ratio"] == pytest.approx(enqueue["leadq"] / enqueue["baseline"], rel=0.01)
    assert [row["benchmark"] for row in mails] == ["late_mail"] * 3
    assert all(row["leadq"] > 0 and isinstance(row["met"], bool) for row in mails)


def test_a_benchmark_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["speed", *QUICK])
    assert "there is no benchmark speed: expected drain" in capsys.readouterr().err
