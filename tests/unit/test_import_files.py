"""Files as programs write them: encodings, delimiters, and records that are broken."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

import pytest

from leadq.errors import InvalidInput
from leadq.lead_import import encodings
from leadq.lead_import.records import FIELD_LIMIT, read_records
from leadq.lead_import.source import opened

TEXT = "Name,Email\nZoë,zoe@example.com\nœuf,b@example.com\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8 with a byte order mark"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("cp1252"), "Windows-1252"),
    ],
)
@pytest.mark.parametrize("block", [1 << 20, 2])
def test_an_encoding_is_found_out(
    file: Path, content: bytes, name: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encodings, "BLOCK_BYTES", block)
    file.write_bytes(content)
    with opened(file) as source:
        assert source.encoding.name == name
        assert source.header == ["Name", "Email"]
        assert [record.fields[0] for record in source.records()] == ["Zoë", "œuf"]
        assert source.position == source.size == len(content)


def test_it_says_which_line_made_it_windows_1252(file: Path) -> None:
    file.write_bytes(TEXT.encode() + "Jörg,j@example.com\n".encode("cp1252"))
    with opened(file) as source:
        assert (source.encoding.codec, source.encoding.remark) == ("cp1252", "line 4 is not UTF-8")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (codecs.BOM_UTF16_LE, "is empty"),
        (b"\n \r\n\t\n", "is empty"),
        (b"Name,Email\nBo\0,bo@example.com\n", "is no text file: it has NUL bytes"),
        (TEXT.encode("utf-16-le"), "is no text file: it has NUL bytes"),
        (TEXT.encode("utf-32"), "is no text file: it has NUL characters"),
        ("Name,\0Email\n".encode("utf-16"), "is no text file: it has NUL characters"),
        (b"PK\x03\x04\x14\x00", "is no CSV file; it looks like an Excel workbook"),
        (codecs.BOM_UTF8 + b"Name,Email\nZo\xeb,b@example.com\n", "begins as UTF-8 with a byte order mark does, but"),
        (codecs.BOM_UTF16_LE + b"a", "begins as UTF-16 does, but is not that to its end"),
        (codecs.BOM_UTF16_LE + b"a\x00\x00\xd8b\x00", "begins as UTF-16 does, but is not that to its end"),
        (b"Name,Email\n\n\x81\xff,b@example.com\n", "is neither UTF-8 nor Windows-1252"),
    ],
)
def test_what_is_no_text_is_refused(file: Path, content: bytes, complaint: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as error, opened(file):
        pass
    assert complaint in error.value.message
    assert str(file) in error.value.message
    assert error.value.hint


def test_a_line_without_an_end_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LINE_LIMIT", 10)
    monkeypatch.setattr(encodings, "BLOCK_BYTES", 4)
    file.write_bytes(b"12345\r12345\n1234567890\n" * 2)
    with opened(file, delimiter=","):
        pass
    file.write_bytes(b"12345\r12345\n12345678901\n")
    with pytest.raises(InvalidInput, match="has a line of more than"), opened(file):
        pass


@pytest.mark.parametrize(
    ("line", "delimiter", "columns"),
    [
        ("Name,Email", ",", 2),
        ("Name;Email", ";", 2),
        ("Name\tEmail", "\t", 2),
        ('"Name, first";Email;Phone', ";", 3),
        ("Name;Email;Remarks, if any, and more, and more, and more", ";", 3),
        ('"a;b","c;d","e;f"', ",", 3),
        ("Email", ",", 1),
        ("x;y", ";", 2),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_a_delimiter_is_found_out(file: Path, line: str, delimiter: str, columns: int, end: str) -> None:
    file.write_bytes(f"{end}{line}{end}".encode())
    with opened(file) as source:
        assert (source.delimiter, len(source.header)) == (delimiter, columns)
        assert list(source.records()) == []


def test_a_delimiter_that_is_given_is_taken(file: Path) -> None:
    file.write_text("Name,Email|Phone\n")
    with opened(file, delimiter="|") as source:
        assert source.header == ["Name,Email", "Phone"]


def test_a_file_that_shrinks_or_changes_meanwhile_is_an_error(file: Path) -> None:
    file.write_bytes(b"Name,Email\n" + b"Bo,bo@example.com\n" * 10_000)
    with opened(file) as source:
        records = source.records()
        next(records)
        with file.open("r+b") as other:
            other.seek(100_000)
            other.write(b"\xff")
        with pytest.raises(InvalidInput, match="was changed while it was read"):
            list(records)


def read(text: str, delimiter: str = ",") -> list[tuple[int, list[str], bool]]:
    """Line, fields and whether there is a problem, of each record."""
    lines = io.StringIO(text, newline="")
    return [(one.line, one.fields, one.problem is not None) for one in read_records(lines, delimiter)]


def test_a_record_may_have_many_lines_and_is_known_by_its_first() -> None:
    assert read('a,"b\nc\r\nd"\r\n\n ,\ne,f') == [(1, ["a", "b\nc\r\nd"], False), (6, ["e", "f"], False)]


def test_quotation_marks_and_delimiters_inside_quotes_belong_to_the_value() -> None:
    assert read('"a ""b"", c",d') == [(1, ['a "b", c', "d"], False)]


def test_a_quotation_mark_that_is_never_closed_costs_its_line_alone() -> None:
    text = 'a,b\n"c,d\ne,f\ng,h\n'
    assert read(text) == [
        (1, ["a", "b"], False),
        (2, ["c,d\n"], True),
        (3, ["e", "f"], False),
        (4, ["g", "h"], False),
    ]


def test_a_wrong_quotation_mark_costs_its_line_alone() -> None:
    text = 'a,"b\n"c","d"\n"5" tube",e\nf,g\n'
    assert read(text) == [
        (1, ["a", "b\n"], True),
        (2, ["c", "d"], False),
        (3, ['5 tube"', "e"], True),
        (4, ["f", "g"], False),
    ]


@pytest.mark.parametrize("quoted", [True, False])
def test_a_field_that_is_too_long_costs_its_record_alone(quoted: bool) -> None:
    field = "x" * (FIELD_LIMIT + 1)
    text = f'a,"{field}"\nb,c\n' if quoted else f"a,{field}\nb,c\n"
    (line, fields, problem), rest = read(text)
    assert (line, fields[0], problem) == (1, "a", True)
    assert field in fields[1]
    assert rest == (2, ["b", "c"], False)


def test_an_open_quotation_mark_in_a_long_file_costs_its_line_alone() -> None:
    rows = [f"row {number},{'x' * 1000}\n" for number in range(2 * FIELD_LIMIT // 1000)]
    records = read('"open,\n' + "".join(rows))
    assert [problem for _, _, problem in records] == [True] + [False] * len(rows)
    assert [fields[0] for _, fields, _ in records[1:]] == [f"row {number}" for number in range(len(rows))]


def test_a_long_field_within_the_limit_is_read() -> None:
    assert len(read(f"a,{'x' * 1_000_000}\n")[0][1][1]) == 1_000_000
