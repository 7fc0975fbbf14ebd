"""Names to addresses within a deadline."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from leadq.mail.resolver import resolve
from tests.mail.samples import soon


def test_a_number_needs_no_name_server(monkeypatch):
    started = []
    monkeypatch.setattr(threading.Thread, "start", started.append)

    assert resolve("127.0.0.1", 25, deadline=soon()) == [(socket.AF_INET, ("127.0.0.1", 25))]
    assert started == []


def test_a_name_is_looked_up():
    assert (socket.AF_INET, ("127.0.0.1", 25)) in resolve("localhost", 25, deadline=soon())


def test_a_name_server_that_says_nothing_does_not_outlive_the_deadline(monkeypatch):
    answering = threading.Event()
    look_up = socket.getaddrinfo

    def silent(host, *args, flags=0, **options):
        if not flags:
            answering.wait(5)
        return look_up(host, *args, flags=flags, **options)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve("localhost", 25, deadline=began + 0.1)
    assert time.monotonic() - began < 0.3
    answering.set()


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".example", ".."])
def test_a_name_that_does_not_exist_is_said_to(host):
    with pytest.raises(socket.gaierror):
        resolve(host, 25, deadline=soon(15))
