"""Headers and bodies as bytes: 7-bit, folded, with CRLF line endings (RFC 5322, 2045, 2047).

Written by hand, because EmailMessage takes 2 ms a mail and, before Python 3.11.10 and 3.12.5, turns a value such as
`=?utf-8?q?x=0D=0ABcc=3A_victim=40example.com?=` into a real Bcc header (CVE-2024-6923).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence

from leadq.mail.errors import DeliveryError, Kind, Stage, failed
from leadq.text import one_line

LONGEST_LINE = 998  # RFC 5322, 2.1.1
FOLD_AT = 76  # RFC 2047, 2, where RFC 5322 would allow 78
LONGEST_ENCODED_WORD = 75  # RFC 2047, 2
LONGEST_PLAIN_WORD = 60
LONGEST_TEXT = 500

_ASCII_BYTES = bytes(range(128))
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_Q = [chr(byte) if chr(byte).isalnum() and byte < 128 else f"={byte:02X}" for byte in range(256)]
_Q[ord(" ")] = "_"


def header_text(text: str, *, limit: int = LONGEST_TEXT) -> str:
    """`text` as a header may hold it: one harmless line that no reader takes for an encoded word."""
    return one_line(text.replace("=?", "= ?"), limit=limit)


def text_header(name: str, text: str) -> tuple[str, str]:
    """A header of free text, such as Subject."""
    return name, _fold(name, _words(header_text(text), used=len(name) + 2))


def mailbox_header(name: str, display_name: str, address: str) -> tuple[str, str]:
    """A header of one mailbox, such as From; `address` is a checked ASCII address."""
    display_name = header_text(display_name, limit=120)
    if not display_name:
        return name, address
    if display_name.isascii() and len(display_name) <= LONGEST_PLAIN_WORD:
        words = [display_name if _ATOMS.fullmatch(display_name) else _quoted(display_name)]
    else:
        words = list(_encoded_words(display_name, used=len(name) + 2))
    return name, _fold(name, [*words, f"<{address}>"])


def readable_mailbox(display_name: str, address: str) -> str:
    """The same mailbox for people."""
    display_name = header_text(display_name, limit=120)
    return f"{display_name} <{address}>" if display_name else address


def mail_bytes(headers: Sequence[tuple[str, str]], *, text: str, html: str, boundary: str) -> bytes:
    """The whole mail: `headers`, then text and HTML as multipart/alternative.

    Args:
        headers: names and finished values, without those that describe the content.
        text: plain text, any line endings.
        html: a document.
        boundary: occurs in no body; `=_` in it makes sure of that, whatever the encoding.

    Raises:
        PermanentDeliveryError: what came out isn't exactly the headers that went in, or breaks a limit.
    """
    headers = [
        *headers,
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
    ]
    lines = [f"{name}: {value}".rstrip() for name, value in headers]
    lines += ["", f"--{boundary}", *_part("plain", text)]
    lines += [f"--{boundary}", *_part("html", html), f"--{boundary}--", ""]
    wire = "\r\n".join(lines).encode("ascii")
    _check(wire, [name for name, _ in headers])
    return wire


def _words(text: str, *, used: int) -> list[str]:
    """`text` as the pieces that a blank or a fold may stand between; `used` characters are on the line already."""
    words = text.split(" ")
    if text.isascii() and all(len(word) <= LONGEST_PLAIN_WORD for word in words):
        return words
    return list(_encoded_words(text, used=used))


def _fold(name: str, words: list[str]) -> str:
    lines = [words[0]]
    used = len(name) + 2 + len(words[0])
    for word in words[1:]:
        if used + 1 + len(word) > FOLD_AT:
            lines.append(word)
            used = 1 + len(word)
        else:
            lines[-1] += f" {word}"
            used += 1 + len(word)
    return "\r\n ".join(lines)


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _encoded_words(text: str, *, used: int) -> Iterator[str]:
    """RFC 2047 words of whole characters, all in the shorter of the two encodings."""
    in_base64 = _is_mostly_foreign(text.encode("utf-8"))
    for chunk in _chunks(text, FOLD_AT - used, in_base64=in_base64):
        data = chunk.encode("utf-8")
        if in_base64:
            yield f"=?utf-8?b?{base64.b64encode(data).decode('ascii')}?="
        else:
            yield f"=?utf-8?q?{''.join(_Q[byte] for byte in data)}?="


def _chunks(text: str, room: int, *, in_base64: bool) -> Iterator[str]:
    """`text` in pieces that each fill one encoded word, the first of at most `room` characters."""
    start, free = 0, _capacity(room, in_base64=in_base64)
    for index, character in enumerate(text):
        data = character.encode("utf-8")
        size = len(data) if in_base64 else sum(len(_Q[byte]) for byte in data)
        if size > free:
            yield text[start:index]
            start, free = index, _capacity(LONGEST_ENCODED_WORD, in_base64=in_base64)
        free -= size
    yield text[start:]


def _capacity(length: int, *, in_base64: bool) -> int:
    payload = min(length, LONGEST_ENCODED_WORD) - len("=?utf-8?b??=")
    return payload // 4 * 3 if in_base64 else payload


def _is_mostly_foreign(data: bytes) -> bool:
    """Whether base64 is the shorter encoding: more than one byte in six isn't ASCII."""
    return not data.isascii() and 6 * len(data.translate(None, _ASCII_BYTES)) > len(data)


def _part(subtype: str, body: str) -> list[str]:
    encoding, encoded = _encode_body(body)
    return [
        f"Content-Type: text/{subtype}; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        "",
        encoded,
    ]


def _encode_body(body: str) -> tuple[str, str]:
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    data = (lines.rstrip("\n") + "\n").encode("utf-8", "replace")
    if _is_mostly_foreign(data):
        encoding, encoded = "base64", base64.encodebytes(data.replace(b"\n", b"\r\n"))
    else:
        encoding, encoded = "quoted-printable", binascii.b2a_qp(data, istext=True)
    return encoding, encoded.decode("ascii").rstrip("\n").replace("\n", "\r\n")


def _check(wire: bytes, expected: list[str]) -> None:
    head = wire.partition(b"\r\n\r\n")[0]
    found = [line.partition(b":")[0].decode("ascii") for line in re.split(rb"\r\n(?![ \t])", head)]
    lines = wire.split(b"\r\n")
    if found != expected or not wire.count(b"\r") == wire.count(b"\n") == len(lines) - 1:
        raise _broken(f"its headers would read {', '.join(found)}; expected {', '.join(expected)}")
    if max(map(len, lines)) > LONGEST_LINE:
        raise _broken(f"a line is longer than {LONGEST_LINE} characters")


def _broken(reason: str) -> DeliveryError:
    return failed(Stage.COMPOSE, reason, kind=Kind.PERMANENT)
