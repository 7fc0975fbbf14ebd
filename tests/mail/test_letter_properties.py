"""Whatever a lead's row holds, the mail about it says the same when it is read, and is the same whenever it is sent."""

from __future__ import annotations

import email
import email.policy
import time
import unicodedata
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadq.leads import MESSAGE_LIMIT
from leadq.mail.composer import LONGEST_FIELD, LONGEST_MESSAGE
from leadq.mail.letter import Message
from leadq.mail.wire import header_text
from leadq.text import many_lines, one_line
from tests.mail.samples import compose, make_composer
from tests.mail.test_header_safety import OURS, SMUGGLERS, check_form

# a text of the store holds no lone surrogate, yet a template or another database may let one through
ANY = st.characters()
NASTY = st.sampled_from(
    [*'=?_"\\<>@,;:.()[]{}%&#\r\n\t\0\x0b\x0c\x1b\x7f\x85', *"\u2028\u2029\u202e\u2066\ufeff\u200d😀éß名ا"]
)
WORDS = st.sampled_from(
    [*SMUGGLERS, "https://evil.example/login", "www.evil.example", "{{ 7*7 }}", "From here", ".", ".."]
)
TEXTS = st.one_of(
    st.text(ANY, max_size=120),
    st.text(NASTY, max_size=120),
    st.lists(WORDS | st.text(ANY, max_size=20), max_size=6).map(" ".join),
)
MESSAGES = TEXTS | st.lists(TEXTS, max_size=8).map("\n".join)
LETTERS = st.fixed_dictionaries(
    {
        "lead_name": TEXTS,
        "lead_email": st.sampled_from(["ana@example.com", "josé@exämple.com", "a\r\nBcc: v@example.com"]) | TEXTS,
        "lead_phone": TEXTS | st.none(),
        "lead_company": TEXTS | st.none(),
        "lead_source": TEXTS | st.none(),
        "lead_message": MESSAGES | st.none(),
        "user_name": TEXTS,
        "test": st.booleans(),
    }
)
COMPOSER, ANOTHER = make_composer(), make_composer()
LONG = "名\r\n=?x" * (MESSAGE_LIMIT // 6)


class Reader(HTMLParser):
    """The words that a reader of HTML sees, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._hidden = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "title"}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def blanks_folded(text: str) -> str:
    return " ".join(text.split())


def read(message: Message) -> tuple[EmailMessage, str, str]:
    """The mail as a mail program has it: headers, text, HTML."""
    mail = email.message_from_bytes(message.wire, policy=email.policy.default)
    assert not mail.defects
    text, html = mail.iter_parts()
    return mail, *(part.get_content().replace("\r\n", "\n") for part in (text, html))


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(LETTERS)
@example({"lead_name": "https://evil.example/login", "lead_message": "see www.evil.example\n.\n"})
@example({"lead_name": "\ud800", "lead_message": "\udfff", "lead_email": "\ud800@example.com"})
@example({"lead_name": "名" * 255, "lead_message": LONG})
@example({"lead_name": "=?" + "x" * 600, "test": True})
@example({"lead_name": "x" * 255, "lead_message": "x" * MESSAGE_LIMIT})
def test_any_letter_reads_back_as_what_was_put_in(fields):
    message = compose(COMPOSER, **fields)

    check_form(message.wire)
    mail, text, html = read(message)
    assert mail.keys() == [name for name in OURS if name != "Reply-To" or mail["Reply-To"]]
    assert mail["Subject"] == message.subject
    assert [address.addr_spec for address in mail["To"].addresses] == ["ben@example.org"] == [message.recipient]
    assert mail["Reply-To"] is None or len(mail["Reply-To"].addresses) == 1
    assert not any(
        unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} for c in set(text + html) - set("\n\u200c\u200d")
    )

    reader = Reader(html)
    shown = blanks_folded(" ".join(reader.words))
    wanted = [
        one_line(fields.get(name) or "", limit=LONGEST_FIELD)
        for name in fields
        if name != "lead_message" and name != "test"
    ]
    for value in wanted:
        kept = value.encode("utf-8", "replace").decode("utf-8")
        assert kept in text
        assert blanks_folded(kept) in shown or not kept
    for line in many_lines((fields.get("lead_message") or "")[:LONGEST_MESSAGE]).split("\n"):
        assert line.strip() in text
        assert blanks_folded(line) in shown
    name = one_line(fields["lead_name"], limit=LONGEST_FIELD)
    if name:
        assert header_text(("[TEST] " if fields.get("test") else "") + f"New lead: {name}") == message.subject


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(LETTERS)
def test_no_link_leads_where_a_stranger_says(fields):
    links = Reader(read(compose(COMPOSER, **fields))[2]).links

    assert all(link == "https://crm.example.com/leads/7" or link.startswith(("mailto:", "tel:")) for link in links)
    assert len(links) <= 3
    assert not any(sign in link.partition(":")[2] for link in links[:-1] for sign in "?&\r\n ")


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(LETTERS)
def test_the_bytes_are_the_same_at_each_attempt_and_in_each_worker(fields):
    first = compose(COMPOSER, **fields).wire

    assert compose(COMPOSER, **fields).wire == first
    assert compose(ANOTHER, **fields).wire == first


@pytest.mark.parametrize("message", [LONG, "x" * MESSAGE_LIMIT, "\n" * MESSAGE_LIMIT, "=" * MESSAGE_LIMIT])
def test_the_longest_message_takes_no_time_to_speak_of(message):
    began = time.process_time()
    wire = compose(COMPOSER, lead_message=message).wire
    assert time.process_time() - began < 1
    assert len(wire) < 1_000_000
