"""Which encoding a file is in: told by its first bytes, or by all of them."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from leadq.errors import InvalidInput

BLOCK_BYTES = 1 << 20
LINE_LIMIT = 16 << 20  # bytes: a line is held in memory
MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", "UTF-8 with a byte order mark"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
NOT_IN_WINDOWS_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
ZIP = b"PK\x03\x04"  # what an Excel workbook begins with
SAVE_AS = "Save it as CSV in UTF-8 (Excel: CSV UTF-8), and import that."


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An encoding, as Python calls it and as people do. `remark` says why it was taken, where that is worth it."""

    codec: str
    name: str
    remark: str | None = None


def encoding_of(file: BinaryIO, name: str) -> Encoding:
    """Reads all of `file` and finds out its encoding: UTF-8, UTF-16 with a byte order mark, else Windows-1252.

    Args:
        file: open for reading, at its beginning.
        name: what it is called in errors.

    Raises:
        InvalidInput: it is empty, no text, or has a line that nobody could hold in memory.
    """
    start = file.read(4)
    file.seek(0)
    if not start:
        raise InvalidInput(f"{name} is empty", hint="The first line of a CSV file names its columns.")
    if start == ZIP:
        raise InvalidInput(f"{name} is no CSV file; it looks like an Excel workbook", hint=SAVE_AS)
    marked = next((found for mark, found in MARKS.items() if start.startswith(mark)), None)
    codec, title = marked or ("utf-8", "UTF-8")
    survey = _Survey(name, codec)
    for block in iter(lambda: file.read(BLOCK_BYTES), b""):
        survey.add(block)
    survey.end()
    if survey.undecodable_line is None:
        return Encoding(codec=codec, name=title)
    if marked:
        raise InvalidInput(f"{name} begins as {title} does, but is not that to its end", hint=SAVE_AS)
    if survey.undefined:
        raise InvalidInput(f"line {survey.undecodable_line} of {name} is neither UTF-8 nor Windows-1252", hint=SAVE_AS)
    return Encoding(codec="cp1252", name="Windows-1252", remark=f"line {survey.undecodable_line} is not UTF-8")


class _Survey:
    """What all bytes of a file have in common."""

    def __init__(self, name: str, codec: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder(codec)()
        self._lines = 1
        self._line_bytes = 0
        self._knows_nul = codec == "utf-16"  # in which every other byte is one
        self.undecodable_line: int | None = None
        self.undefined = False

    def add(self, block: bytes) -> None:
        """Looks at the next bytes."""
        if b"\0" in block and not self._knows_nul:
            raise InvalidInput(f"{self._name} is no text file: it has NUL bytes", hint=SAVE_AS)
        self._measure_lines(block)
        self.undefined = self.undefined or NOT_IN_WINDOWS_1252.search(block) is not None
        self._decode(block, final=False)
        self._lines += block.count(b"\n")

    def end(self) -> None:
        """Looks whether the last letter is whole."""
        self._decode(b"", final=True)

    def _decode(self, block: bytes, *, final: bool) -> None:
        if self.undecodable_line is not None:
            return
        try:
            text = self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            self.undecodable_line = self._lines + error.object[: error.start].count(b"\n")
            return
        if "\0" in text:
            raise InvalidInput(f"{self._name} is no text file: it has NUL characters", hint=SAVE_AS)

    def _measure_lines(self, block: bytes) -> None:
        pieces = re.split(rb"[\r\n]", block)
        self._line_bytes += len(pieces[0])
        for piece in pieces[1:]:
            self._refuse_endless()
            self._line_bytes = len(piece)
        self._refuse_endless()

    def _refuse_endless(self) -> None:
        if self._line_bytes > LINE_LIMIT:
            raise InvalidInput(
                f"{self._name} has a line of more than {LINE_LIMIT >> 20} MB",
                hint="Is it a CSV file, with line breaks?",
            )
