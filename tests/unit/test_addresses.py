"""Email addresses."""

from __future__ import annotations

import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from leadq import addresses
from leadq.addresses import mailbox
from leadq.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "address", "ascii_address"),
    [
        ("ana@example.com", "ana@example.com", "ana@example.com"),
        ("  ana@example.com\n", "ana@example.com", "ana@example.com"),
        ("Ana.Lima+crm@EXAMPLE.com", "Ana.Lima+crm@example.com", "Ana.Lima+crm@example.com"),
        ("info@exämple.com", "info@exämple.com", "info@xn--exmple-cua.com"),
        ("info@xn--exmple-cua.com", "info@exämple.com", "info@xn--exmple-cua.com"),
        ("ana@例え.jp", "ana@例え.jp", "ana@xn--r8jz45g.jp"),
        ("josé@example.com", "josé@example.com", None),
        ("jose\u0301@example.com", "josé@example.com", None),
        ("root@localhost", "root@localhost", "root@localhost"),
        ("Crm@Mail.LOCAL", "Crm@mail.local", "Crm@mail.local"),
        ("ana@sales.lan", "ana@sales.lan", "ana@sales.lan"),
        ("ana@erp.internal", "ana@erp.internal", "ana@erp.internal"),
        ("ana@a.test", "ana@a.test", "ana@a.test"),
        ("josé@crm.local", "josé@crm.local", None),
    ],
)
def test_an_address_is_normalised_for_people_and_for_the_wire(
    text: str, address: str, ascii_address: str | None
) -> None:
    assert mailbox(text) == (address, ascii_address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "ana@",
        "@example.com",
        "ana@@example.com",
        "a b@example.com",
        "ana@exa mple.com",
        "ana@example",
        "ana@-example.com",
        "ana@example..com",
        ".ana@example.com",
        "Ana <ana@example.com>",
        "ana@example.com, bo@example.com",
        "ana@example.com\nBcc: v@example.com",
        "ana\r\n@example.com",
        "ana\x00@example.com",
        "ana@[127.0.0.1]",
        "a" * 65 + "@example.com",
        "ana@" + "a" * 64 + ".com",
        "ana@.localhost",
        "a b@localhost",
        "\udcff@example.com",
        "ana@\udcff.com",
        "ana\u202e@example.com",
    ],
)
def test_what_is_no_address_is_refused_in_one_harmless_line(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an email address: ") as refusal:
        mailbox(text)
    message = refusal.value.message
    assert message.isprintable()
    message.encode("utf-8")


def test_an_address_whose_local_part_is_not_ascii_has_none_for_the_wire() -> None:
    with pytest.raises(InvalidInput) as refusal:
        _ = mailbox("josé@example.com").ascii
    assert refusal.value.message == (
        "josé@example.com cannot be mailed to: expected plain letters before the @ "
        "(most mail servers take no others there)"
    )


def test_a_very_long_text_is_cut_in_the_refusal() -> None:
    with pytest.raises(InvalidInput) as refusal:
        mailbox("x" * 10_000)
    assert len(refusal.value.message) < 300


LABELS = st.from_regex(r"[a-z0-9-]{1,66}", fullmatch=True)


@given(
    local=st.from_regex(r"[a-z0-9_+.-]{1,66}", fullmatch=True),
    labels=st.lists(LABELS | st.sampled_from(["example", "xn--exmple-cua", "ab--c"]), min_size=1, max_size=5),
    top=st.sampled_from(["com", "de", "test", "local", "onion", "arpa", "invalid", "alt", "c0m", "x", "museum"])
    | LABELS,
)
@settings(max_examples=1500, deadline=None, derandomize=True, database=None)
def test_a_plain_address_is_one_in_which_the_library_changes_nothing(local: str, labels: list[str], top: str) -> None:
    text = f"{local}@{'.'.join([*labels, top])}"
    if addresses._is_plain(text):
        found = validate_email(text, check_deliverability=False, strict=True)
        assert found.normalized == found.ascii_email == text


@pytest.mark.parametrize("text", ["ana@example.com", "a.b+c_d-e@mail.crm-2.example.museum", "0@0.de"])
def test_the_plainest_addresses_need_no_library(text: str) -> None:
    assert addresses._is_plain(text)
