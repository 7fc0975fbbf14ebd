"""Mails as files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from leadq.mail.errors import DeliveryError, Kind
from leadq.mail.file_transport import FileTransport
from tests.mail.samples import compose, soon


def test_a_mail_becomes_one_file_that_its_group_may_read(tmp_path):
    folder = tmp_path / "storage" / "mail"
    message = compose()
    receipt = FileTransport(folder).send(message, deadline=soon())

    path = folder / "20260101T000000Z-6f1c1d0e-8f5b-4a43-9d5f-3a5a3c9f6f10.eml"
    assert list(folder.iterdir()) == [path]
    assert path.read_bytes() == message.wire
    assert path.stat().st_mode & 0o777 == 0o640
    assert receipt.message_id == message.message_id
    assert receipt.reply == f"written to {path}"


def test_another_attempt_replaces_the_same_file(tmp_path):
    transport = FileTransport(tmp_path)
    transport.send(compose(lead_name="first"), deadline=soon())
    transport.send(compose(lead_name="second"), deadline=soon())

    (path,) = tmp_path.iterdir()
    assert b"New lead: second" in path.read_bytes()


@pytest.mark.parametrize("uuid", ["../../escape", "/etc/passwd", "a\0b", "", "x" * 500])
def test_no_uuid_leaves_the_folder(tmp_path, uuid):
    folder = tmp_path / "mail"
    FileTransport(folder).send(compose(uuid=uuid), deadline=soon())

    assert [path.parent for path in tmp_path.rglob("*.eml")] == [folder]


def test_a_folder_that_cannot_be_made_is_a_transport_error(tmp_path):
    (tmp_path / "mail").write_text("a file")

    with pytest.raises(DeliveryError) as caught:
        FileTransport(tmp_path / "mail").send(compose(), deadline=soon())
    assert caught.value.kind is Kind.TRANSPORT
    assert caught.value.stage == "write"


def test_a_full_disk_leaves_no_half_mail(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeliveryError, match="No space left on device"):
        FileTransport(tmp_path).send(compose(), deadline=soon())
    assert list(Path(tmp_path).iterdir()) == []
