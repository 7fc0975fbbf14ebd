"""Everything that may go wrong, everywhere it may, through a real worker: one table to be read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from leadq.mail.errors import Stage
from tests.homes import Home, eventually
from tests.smtp_servers import DROP, RESET, STALL, USUAL, Do, ScriptedServer, Step, Tls, drip

# What the attempt's end says about the next one: the kind of failure, or that the mail counts as sent. Before the dot
# nothing was handed over; a silence after it may hide an acceptance, whatever the silence is made of. A `body` that
# is cut off may look like a `dot` without an answer: which of them is seen first is the network's choice.
TABLE = """
          421        4xx        5xx        drop               reset              stall      drip       garbage    100kB
greeting  transport  transport  config     transport          transport          transport  transport  transport  transport
ehlo      transport  transport  config     transport          transport          transport  transport  transport  transport
starttls  transport  transport  config     transport          transport          transport  transport  transport  transport
auth      transport  transport  config     transport          transport          transport  transport  transport  transport
mail      transport  temporary  config     transport          transport          transport  transport  transport  transport
rcpt      transport  temporary  permanent  transport          transport          transport  transport  transport  transport
data      transport  temporary  permanent  transport          transport          transport  transport  transport  transport
body      transport  temporary  permanent  transport|unknown  transport|unknown  unknown    transport  transport  transport
dot       transport  temporary  permanent  unknown            unknown            unknown    unknown    unknown    unknown
quit      sent       sent       sent       sent               sent               sent       sent       sent       sent
"""  # noqa: E501 - a table

ONCE_A_MAIL = ("mail", "rcpt", "data", "body", "dot")  # where a server that takes several commands at once may differ
WAITING = ("stall", "drip")
SHORT_TIMEOUT = 0.48  # of the job: 0.4 s for the mail
LONG_TIMEOUT = 60
SLACK_SECONDS = 0.2
SAID_NO_MORE = {
    "421": "421 4.3.2 Shutting down",
    "4xx": "451 4.3.0 Try later",
    "5xx": "550 5.7.1 No",
}
LOGIN = {"MAIL_USERNAME": "leads", "MAIL_PASSWORD": "pässwörd #1"}


def cells() -> Iterator[Any]:
    """(stage, trouble, what becomes of it, whether the server offers PIPELINING)."""
    heading, *rows = (line.split() for line in TABLE.strip().splitlines())
    for stage, *ends in rows:
        for trouble, end in zip(heading, ends, strict=True):
            for pipelining in (False, True) if stage in ONCE_A_MAIL else (False,):
                name = f"{trouble} at {stage}{', pipelining' if pipelining else ''}"
                yield pytest.param(stage, trouble, set(end.split("|")), pipelining, id=name)


@dataclass
class CommandGroupServer(ScriptedServer):
    """Answers what follows a refused command of a group as RFC 2920 has it: with another refusal."""

    refusing: set[Any] = field(default_factory=set)

    def _play(self, conversation: Any, stage: str, *arguments: Any) -> None:
        if stage in {"rcpt", "data"} and conversation in self.refusing:
            conversation.perform("503 5.5.1 Bad sequence of commands")
            return
        steps = self.script.get(stage) or [USUAL[stage]]
        step = steps[min(self._turns.get(stage, 0), len(steps) - 1)]
        if stage in {"mail", "rcpt"} and isinstance(step, str) and step.startswith(("4", "5")):
            self.refusing.add(conversation)
        super()._play(conversation, stage, *arguments)


def troubled(stage: str, trouble: str) -> tuple[str, Step]:
    """A stage of ScriptedServer, and what its first time is then like."""
    if stage == "body":  # what is said before the dot is said with the 354: then the client must have heard it
        return "data", in_the_body(trouble)
    hoped_for = USUAL[stage][:3]
    match trouble:
        case "421":
            return stage, (SAID_NO_MORE["421"], DROP)
        case "4xx" | "5xx":
            return stage, SAID_NO_MORE[trouble]
        case "drip":
            return stage, drip(f"{hoped_for}-")
        case "garbage":
            return stage, ("\x00\xff what?", STALL)
        case "100kB":
            return stage, (f"{hoped_for}-{'x' * 100_000}", STALL)
        case _:
            return stage, {"drop": DROP, "reset": RESET, "stall": STALL}[trouble]


def in_the_body(trouble: str) -> Step:
    go_on = "354 Go on"
    match trouble:
        case "421" | "4xx" | "5xx":
            return f"{go_on}\r\n{SAID_NO_MORE[trouble]}"
        case "drip":
            return drip(f"{go_on}\r\n250-")
        case "garbage":
            return f"{go_on}\r\n\x00\xff what?"
        case "100kB":
            return f"{go_on}\r\n250-{'x' * 100_000}"
        case _:
            end: Do = {"drop": DROP, "reset": RESET, "stall": STALL}[trouble]
            return (go_on, end)


def server_for(stage: str, trouble: str, tls: Tls, *, pipelining: bool) -> ScriptedServer:
    """Whatever goes wrong goes wrong once; TLS and a login are part of every conversation."""
    features = "250-PIPELINING\r\n250-SIZE 10000000" if pipelining else "250-SIZE 10000000"
    hello = [f"250-scripted\r\n{features}\r\n250 {last}" for last in ("STARTTLS", "AUTH PLAIN LOGIN")]
    said_in_vain = hello[:1] if stage == "starttls" else []
    script: dict[str, list[Step]] = {"ehlo": [*(said_in_vain or hello), *hello]}
    stage, step = troubled(stage, trouble)
    script[stage] = [step, *script.get(stage, [USUAL[stage]])]
    return CommandGroupServer(script, tls_context=tls.server_context)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def template(_template_home: Path, tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Home:
    """A home with one user and one lead whose mail waits."""
    folder = tmp_path_factory.mktemp("matrix") / "home"
    shutil.copytree(_template_home, folder)
    home = Home(folder)
    home.environment |= {
        "MAIL_MAILER": "smtp",
        "MAIL_FROM_ADDRESS": "leads@acme.example",
        "MAIL_CA_FILE": str(tls.ca_file),
        **LOGIN,
    }
    home.leadq("user", "create", "--name", "Ana Sales", "--email", "ana@example.com")
    home.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    return home


@pytest.fixture
def mailing_home(template: Home, tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    shutil.copytree(template.path, home.path)
    home.environment |= template.environment
    yield home
    home.close()


def attempt(home: Home, server: ScriptedServer, *, timeout: float) -> dict[str, Any]:
    """Has a worker run the job once; its line about the end."""
    home.environment["MAIL_PORT"] = str(server.port)
    lines = home.leadq("work", "--once", "--json", "--backoff", 0, "--timeout", timeout).stdout.splitlines()
    ends = [json.loads(line) for line in lines if json.loads(line).get("status") not in {None, "starting"}]
    assert len(ends) == 1, lines
    return dict(ends[0])


def delivery(home: Home) -> tuple[Any, ...]:
    ((status, attempts, error),) = home.sql("SELECT status, attempts, error FROM deliveries")
    return status, attempts, error


def complaints(home: Home) -> dict[str, int]:
    """How often the log says each of the two things that a person should hear."""
    return {words: home.log.count(words) for words in ("no mail can leave", "may arrive twice")}


@pytest.mark.parametrize(("stage", "trouble", "ends", "pipelining"), list(cells()))
def test_what_a_trouble_makes_of_an_attempt(
    mailing_home: Home, tls: Tls, stage: str, trouble: str, ends: set[str], pipelining: bool
) -> None:
    home, timeout = mailing_home, SHORT_TIMEOUT if trouble in WAITING and stage != "quit" else LONG_TIMEOUT
    with server_for(stage, trouble, tls, pipelining=pipelining) as server:
        end = attempt(home, server, timeout=timeout)
        assert end["duration"] <= (timeout * 5 / 6 if timeout is SHORT_TIMEOUT else 1) + SLACK_SECONDS
        first_words = len(server.heard)
        if ends == {"sent"}:
            assert end["status"] == "success"
            assert delivery(home) == ("sent", 1, None)
            assert len(server.accepted) == 1
            return

        has_it = (stage, trouble) == ("dot", "100kB")  # the one 250 that nobody could read
        assert len(server.accepted) == has_it
        kinds = {kind for kind in ends if f"({kind})" in end["message"]}
        assert kinds, end["message"]
        assert says_where(end["message"], stage, trouble)
        failed = kinds == {"permanent"}
        assert end["status"] == ("failed" if failed else "released_after_exception")
        status, attempts, error = delivery(home)
        assert (status, attempts) == ("failed" if failed else "queued", 1)
        assert end["message"] in error
        assert complaints(home) == {
            "no mail can leave": "config" in kinds,
            "may arrive twice": "unknown" in kinds,
        }
        assert sum(line.startswith("AUTH") for line in server.heard) <= 1

        eventually(lambda: all(not thread.is_alive() for thread in server._threads[1:]))  # nothing is left connected
        if failed:
            home.leadq("retry", "all")
        assert attempt(home, server, timeout=LONG_TIMEOUT)["status"] == "success"
        assert delivery(home) == ("sent", 1 if failed else 2, None)
        assert len(server.accepted) == 1 + has_it
        assert len(set(server.accepted)) == 1  # byte for byte
        assert server.heard[first_words:].count("QUIT") == 1
    assert "pässwörd" not in home.log + str(home.sql("SELECT * FROM failed_jobs"))


def says_where(message: str, stage: str, trouble: str) -> bool:
    """Whether an error names its stage, and quotes the server where it said something."""
    stages = {Stage(stage)}
    if stage == "body" and trouble in {"drop", "reset", "stall"}:
        stages.add(Stage.DOT)
    if (stage, trouble) == ("greeting", "reset"):
        stages.add(Stage.CONNECT)
    quoted = SAID_NO_MORE.get(trouble, "")
    return quoted in message and any(
        f"{stage.label} {verb}" in message for stage in stages for verb in ("refused", "failed")
    )


@pytest.mark.parametrize("trouble", ["drop", "reset", "stall", "garbage"])
def test_silence_after_the_dot_may_be_held_for_a_person(mailing_home: Home, tls: Tls, trouble: str) -> None:
    mailing_home.environment["MAIL_ON_UNKNOWN"] = "hold"
    with server_for("dot", trouble, tls, pipelining=False) as server:
        end = attempt(mailing_home, server, timeout=SHORT_TIMEOUT if trouble in WAITING else LONG_TIMEOUT)
        assert end["status"] == "failed"
        assert "a person must decide" in end["message"]
        assert delivery(mailing_home)[:2] == ("failed", 1)
        assert complaints(mailing_home)["may arrive twice"] == 1
        mailing_home.leadq("retry", "all")
        assert attempt(mailing_home, server, timeout=LONG_TIMEOUT)["status"] == "success"
