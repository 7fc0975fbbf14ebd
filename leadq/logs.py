"""The log: one harmless line a record, in text or JSON, to a file that may be rotated, or to stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from datetime import UTC, datetime, tzinfo
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from leadq.clock import local_zone
from leadq.config import Settings
from leadq.folders import make_folder, open_for_group
from leadq.text import many_lines, one_line

# A look at a file has Linux (6.13 and later) stamp the next write to it to the nanosecond, and from then on all other
# files, too: then each commit has the time of the database's file to write as well, a third of the time that it takes.
LOOK_SECONDS = 0.05

_FIELDS = json.JSONEncoder(ensure_ascii=False, default=str)


def set_up_logging(settings: Settings) -> None:
    """Sends everything under the logger `leadq` where the settings say."""
    logger = logging.getLogger("leadq")
    handler = _handler(settings)
    zone = local_zone(settings.timezone)
    handler.setFormatter(JsonFormatter() if settings.log.format == "json" else TextFormatter(settings.app_env, zone))
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(settings.log.level.upper())
    logger.propagate = False


class TextFormatter(logging.Formatter):
    """`[2026-01-01 12:00:00] local.INFO: Mail sent {"job":"…","lead":7}`: Laravel's layout, a line a record.

    The further lines of a message and a traceback follow, indented, so that none can pass for a record.
    """

    def __init__(self, environment: str, zone: tzinfo | None) -> None:
        super().__init__()
        self._environment = environment
        self._zone = zone
        self._second = 0  # the one that `_at` spells: a busy worker writes hundreds of lines a second
        self._at = ""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line or lines."""
        first, *more = many_lines(record.getMessage()).split("\n")
        fields = getattr(record, "fields", None)
        told = f"{first} {_FIELDS.encode(fields)}" if fields else first
        line = f"[{self._time(record)}] {self._environment}.{record.levelname}: {one_line(told)}"
        if record.exc_info:
            more += many_lines(self.formatException(record.exc_info)).split("\n")
        return "\n    ".join([line, *more])

    def _time(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second, self._at = second, f"{datetime.fromtimestamp(second, self._zone):%Y-%m-%d %H:%M:%S}"
        return self._at


class JsonFormatter(logging.Formatter):
    """One JSON object a line; times in ISO 8601 UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)  # ASCII: no control character survives unescaped


class LogFile(WatchedFileHandler):
    """A log file that logrotate may move away, which is seen within LOOK_SECONDS.

    Trouble with it is told once on stderr and never stops a job.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True, errors="backslashreplace")
        self._looked_at = 0.0
        self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record."""
        try:
            if not 0 <= record.created - self._looked_at < LOOK_SECONDS:
                self._looked_at = record.created
                self.reopenIfNeeded()
            if self.stream is None:
                self.stream = self._open()
            self.stream.write(f"{self.format(record)}\n")  # its buffer ends with the line: there is nothing to flush
        except Exception:  # noqa: BLE001 - as every handler: what cannot be logged must not stop what it is about
            self.handleError(record)

    def _open(self) -> Any:
        make_folder(Path(self.baseFilename).parent)
        return open(self.baseFilename, self.mode, 1, encoding=self.encoding, errors=self.errors, opener=open_for_group)

    def handleError(self, record: logging.LogRecord) -> None:
        """Called when a record cannot be written."""
        if not self._told and sys.stderr is not None:
            self._told = True
            error = sys.exc_info()[1]
            with contextlib.suppress(OSError):  # nobody listens: no reason either
                print(f"leadq: cannot write the log {self.baseFilename}: {error}", file=sys.stderr)


class DailyLogFile(LogFile):
    """A file a day: `leadq-2026-01-01.log`."""

    def __init__(self, folder: Path, zone: tzinfo | None) -> None:
        self._folder = folder
        self._zone = zone
        super().__init__(self._path_of_today())

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record into today's file."""
        today = str(self._path_of_today())
        if today != self.baseFilename:
            self.close()
            self.baseFilename = today
        super().emit(record)

    def _path_of_today(self) -> Path:
        return _path_of_today(self._folder, self._zone)


def log_file(settings: Settings) -> Path | None:
    """The file that is logged to now; None for stderr."""
    folder = settings.storage / "logs"
    if settings.log.channel == "single":
        return folder / "leadq.log"
    return _path_of_today(folder, local_zone(settings.timezone)) if settings.log.channel == "daily" else None


def _path_of_today(folder: Path, zone: tzinfo | None) -> Path:
    return (folder / f"leadq-{datetime.now(zone):%Y-%m-%d}.log").absolute()


def _handler(settings: Settings) -> logging.Handler:
    path = log_file(settings)
    if path is None:
        return logging.StreamHandler(sys.stderr)
    if settings.log.channel == "daily":
        return DailyLogFile(path.parent, local_zone(settings.timezone))
    return LogFile(path)
