"""Mails as files: one `.eml` each, to be opened with any mail program."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from leadq.folders import FILE_FOR_GROUP, make_folder, open_for_group
from leadq.mail.errors import Stage, failed
from leadq.mail.identity import identity
from leadq.mail.letter import Message
from leadq.receipt import Receipt


class FileTransport:
    """Writes each mail into `folder`; another attempt at the same mail replaces the same file."""

    name = "file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """Writes the mail; it is there in full or not at all.

        Raises:
            DeliveryError: kind transport, the folder or the disk cannot take it.
        """
        path = self._folder / _file_name(message)
        try:
            make_folder(self._folder)
            _write_atomically(path, message.wire)
        except OSError as error:
            raise failed(Stage.WRITE, f"cannot write {path}: {error.strerror}") from error
        return Receipt(message_id=message.message_id, reply=f"written to {path}")

    def discard(self) -> None:
        """Nothing stays open between mails."""

    def close(self) -> None:
        """Nothing stays open between mails."""


def _file_name(message: Message) -> str:
    queued_at = datetime.fromtimestamp(message.queued_at, UTC)
    return f"{queued_at:%Y%m%dT%H%M%SZ}-{identity(message.uuid)}.eml"


def _write_atomically(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = open_for_group(unfinished, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, FILE_FOR_GROUP)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power cut, as the content already does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
