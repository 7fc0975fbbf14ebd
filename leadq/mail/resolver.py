"""Names to addresses, without ever outliving a deadline."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import Any

from leadq.threads import start_unsignalled

Address = tuple[socket.AddressFamily, Any]


def resolve(host: str, port: int, *, deadline: float) -> list[Address]:
    """The TCP addresses of `host`, best first.

    getaddrinfo knows no timeout and lets no signal through (10 s with a dead name server), so it runs in a thread
    that is left behind when time is up.

    Raises:
        TimeoutError: no answer by `deadline`, a time.monotonic() value.
        socket.gaierror: there is no such name.
    """
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # a name, not a number
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_look_up(host, port, 0))
        except OSError as error:
            answers.put(error)

    start_unsignalled(threading.Thread(target=ask, name=f"resolve {host}", daemon=True))
    try:
        answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError("no answer from the name server") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as error:  # a label of 0 or more than 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return [(family, address) for family, _, _, _, address in found]
