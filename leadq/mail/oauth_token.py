"""Tokens in place of a password: MAIL_AUTH=xoauth2 (https://developers.google.com/gmail/imap/xoauth2-protocol)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import signal
import subprocess

from leadq.mail.errors import DeliveryError, Kind, Stage, failed
from leadq.text import one_line

LONGEST_WORDS = 200
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LIKE_A_TOKEN = re.compile(r"[\w.~+=-]{32,}", re.ASCII)


def token_of(command: str, *, seconds: float) -> str:
    """What `command` prints, without the blanks around it.

    Args:
        command: a line for the shell.
        seconds: how long it may run. Then it is killed, with all that it started.

    Raises:
        DeliveryError: kind config; it failed, took too long, or printed something that is no token.
    """
    process = subprocess.Popen(  # noqa: S602 - a setting of the home, written by its owner
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the worker, which lets the job end
    )
    with process:
        try:
            printed, complaint = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise _no_token(f"did not end within {seconds:.3g} s") from None
        except BaseException:
            _kill(process)
            raise
    token = printed.decode("utf-8", "replace").strip()
    if process.returncode != 0:
        raise _no_token(f"ended with {_end_of(process.returncode)}{_first_line(complaint, token)}")
    if not _TOKEN.fullmatch(token):
        raise _no_token("printed no token: expected one word and nothing else")
    return token


def xoauth2(username: str, token: str) -> str:
    """What proves to the server who we are."""
    return base64.b64encode(f"user={username}\1auth=Bearer {token}\1\1".encode()).decode("ascii")


def challenge_words(challenge: str) -> str:
    """What a server says about a token that it refuses: JSON in base64; empty where it is neither."""
    try:
        return one_line(base64.b64decode(challenge, validate=True).decode("utf-8"), limit=LONGEST_WORDS)
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the command and what it started, which may have outlived it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end_of(returncode: int) -> str:
    return f"exit code {returncode}" if returncode >= 0 else f"signal {-returncode}"


def _first_line(complaint: bytes, token: str) -> str:
    """The first line of a command's stderr, without anything that looks like a secret."""
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return ""
    shown = _LIKE_A_TOKEN.sub("********", lines[0].replace(token, "********") if token else lines[0])
    return f": {one_line(shown, limit=LONGEST_WORDS)}"


def _no_token(reason: str) -> DeliveryError:
    return failed(Stage.AUTH, f"MAIL_TOKEN_COMMAND {reason}", kind=Kind.CONFIG, hint="Run it by hand, as this account.")
