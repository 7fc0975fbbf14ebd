"""Results on stdout."""

from __future__ import annotations

from typing import Any

import pytest

from leadq.output.console import Output


@pytest.mark.parametrize(
    "document",
    [
        {"failed": [{"id": 1, "data": {"a": [1, "x\u202e"]}}, {"id": 2, "data": {}}], "total": 2},
        {"retried": ["a", "b"], "not_found": []},
        {"retried": [], "not_found": ["é\x1b"], "error": {"type": "X", "hint": None}},
    ],
)
def test_a_document_that_is_streamed_looks_as_one_that_is_printed_whole(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    Output().document(document)
    whole = capsys.readouterr().out
    Output().stream((key, iter(value) if isinstance(value, list) else value) for key, value in document.items())
    assert capsys.readouterr().out == whole
    Output().stream(document.items())
    assert capsys.readouterr().out == whole
