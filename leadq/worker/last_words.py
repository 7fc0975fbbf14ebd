"""Last words: what a worker that dies without a chance to say so leaves behind for those that survive.

Python's faulthandler writes them from C, when the interpreter itself crashes or when a job can be
interrupted by nothing (https://docs.python.org/3/library/faulthandler.html).
"""

from __future__ import annotations

import contextlib
import faulthandler
from pathlib import Path
from typing import IO

from leadq.folders import make_folder, open_for_group
from leadq.store.records import WorkerRecord
from leadq.text import one_line
from leadq.worker.kill_timer import KillTimer, ThreadTimer

GRACE_SECONDS = 5.0  # from the timeout that a job has not heeded to the end of its process
TIMED_OUT = ("Current thread", "Thread ", "Timeout (")  # how faulthandler begins; a crash, with "Fatal"


class LastWords:
    """The files of this host's workers, one each, named for the worker's id.

    Args:
        folder: where they are; it is made when a worker starts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None
        self._timer: KillTimer | ThreadTimer = ThreadTimer(None)

    def open(self, worker_id: int) -> None:
        """From now on this process's last words are kept. Trouble with the file leaves it without any."""
        with contextlib.suppress(OSError):
            make_folder(self._folder)
            self._file = open(self._path(worker_id), "w", encoding="utf-8", opener=open_for_group)  # noqa: SIM115
            faulthandler.enable(file=self._file)
            self._timer = ThreadTimer(self._file)
            self._timer = KillTimer(self._file)  # where there is none, the one before stays

    def close(self) -> None:
        """Ends well: there is nothing to be said."""
        self._timer.close()
        self._timer = ThreadTimer(None)
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
            self._file = None

    def kill_after(self, seconds: float) -> None:
        """Ends this process after so long, whatever it is doing then, unless it is spared before."""
        self._timer.start(seconds)

    def spare(self) -> None:
        """Takes back kill_after."""
        self._timer.stop()

    def of(self, worker: WorkerRecord) -> str | None:
        """What a worker of this host that is gone has said, in one line, once."""
        if not worker.process.can_be_seen():
            return None
        path = self._path(worker.id)
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            path.unlink()
        except OSError:
            return None
        if text.startswith(TIMED_OUT):
            return f"its job timed out and could be interrupted by nothing, at {_place(text)}"
        return f"{one_line(text.splitlines()[0], limit=200)}, at {_place(text)}" if text else "killed without a word"

    def _path(self, worker_id: int) -> Path:
        return self._folder / f"worker-{worker_id}.txt"


def _place(text: str) -> str:
    """Where the main thread was: the innermost frame of the last thread that faulthandler lists."""
    frames = text.rpartition("(most recent call first):\n")[2].splitlines()
    return one_line(frames[0], limit=200) if frames else "an unknown place"
