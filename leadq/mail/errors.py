"""Why a mail did not go out, sorted in one table by stage and code.

MailError
└── DeliveryError               temporary, transport, config or unknown: another attempt may succeed
    └── PermanentDeliveryError  also a PermanentFailure, so that the queue fails the job at once
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from leadq.errors import MailError, PermanentFailure
from leadq.mail.waiting_time import seconds_asked_for
from leadq.text import one_line

LONGEST_REPLY = 500


class Kind(StrEnum):
    """What a failure says about the next attempt."""

    PERMANENT = "permanent"  # this recipient or this message: never
    TEMPORARY = "temporary"  # this recipient or this message: later
    TRANSPORT = "transport"  # no mail can leave now
    CONFIG = "config"  # no mail can leave until a person changes a setting
    UNKNOWN = "unknown"  # the mail may have been accepted


class Stage(StrEnum):
    """How far an attempt has come; DOT means that the server has the whole mail and has not answered yet."""

    COMPOSE = "compose"
    WRITE = "write"
    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    DONE = "done"

    @property
    def label(self) -> str:
        """The stage as a mail administrator would name it."""
        return _LABELS.get(self, self.value)


_LABELS = {stage: stage.upper() for stage in (Stage.EHLO, Stage.STARTTLS, Stage.AUTH)}
_LABELS |= {stage: stage.upper() for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)}
_LABELS |= {Stage.DOT: "end of DATA"}


class DeliveryError(MailError):
    """A mail did not go out, or nobody can tell whether it did.

    Args:
        message: stage and reason, in one line; the kind is added to it.
        kind: what the failure means for the next attempt.
        stage: where it happened, a Stage.
        code: the server's reply code; None where it gave none.
        enhanced: the server's enhanced status code (RFC 3463), such as 5.1.1.
        reply: the server's words, code included.
        hint: what to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Kind,
        stage: str,
        code: int | None = None,
        enhanced: str | None = None,
        reply: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(f"{one_line(message, limit=2 * LONGEST_REPLY)} ({kind})", hint=hint)
        self.kind = kind
        self.is_outage = kind in {Kind.TRANSPORT, Kind.CONFIG}
        self.stage = stage
        self.code = code
        self.enhanced = enhanced
        self.reply = one_line(reply, limit=LONGEST_REPLY)


class PermanentDeliveryError(DeliveryError, PermanentFailure):
    """No further attempt: the recipient or the message is refused, or a person must decide."""


def refused(stage: Stage, *, code: int | None, enhanced: str | None, reply: str) -> DeliveryError:
    """The error for a server's answer that is not the hoped-for one."""
    kind = classify(stage, code, enhanced, reply)
    reply = one_line(reply, limit=LONGEST_REPLY)
    make = PermanentDeliveryError if kind is Kind.PERMANENT else DeliveryError
    error = make(f"{stage.label} refused: {reply}", kind=kind, stage=stage, code=code, enhanced=enhanced, reply=reply)
    error.retry_after = seconds_asked_for(reply)
    return error


def failed(stage: Stage, reason: str, *, kind: Kind | None = None, hint: str | None = None) -> DeliveryError:
    """The error for an attempt that broke off at `stage` without an answer."""
    kind = kind or classify(stage, None, None, "")
    error = PermanentDeliveryError if kind is Kind.PERMANENT else DeliveryError
    return error(f"{stage.label} failed: {reason}", kind=kind, stage=stage, hint=hint)


class _Rule(NamedTuple):
    """One row: holds where stage and code fit and, if any are given, an enhanced code or the words do."""

    kind: Kind
    stages: frozenset[Stage]
    code: str
    enhanced: str = ""
    words: str = ""

    def fits(self, stage: str, code: int, enhanced: str, text: str) -> bool:
        if stage not in self.stages or not re.fullmatch(self.code, str(code)):
            return False
        if not self.enhanced and not self.words:
            return True
        return bool(
            (self.enhanced and re.fullmatch(self.enhanced, enhanced))
            or (self.words and re.search(self.words, text, re.IGNORECASE))
        )


ANY = frozenset(Stage)
ABOUT_US = frozenset({Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH, Stage.MAIL})
BEFORE_MAIL = ABOUT_US - {Stage.MAIL}
ABOUT_THE_MAIL = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT})

SEND_AS_DENIED = r"send.?as.?denied|not allowed to send as"
REJECTED_US = r"(helo command|sender address|client host) rejected"  # Postfix says so at RCPT: smtpd_delay_reject
MAILBOX_OR_SIZE = r"mailbox|storage|message (size|too)|size limit|too (large|big)"
QUOTA_OR_RATE = (
    r"(limit|quota|rate)\w* (was |has been )?exceeded|exceed\w* .{0,40}(limit|quota|rate)"
    r"|(quota|limit)exceeded|rate.?limit|throttl|too many (messages|mails|emails|connections|recipients)"
    r"|reached .{0,40}(limit|quota)|unusual rate"
)

RULES = (
    _Rule(Kind.TRANSPORT, ANY, "421"),
    _Rule(Kind.TRANSPORT, ANY, "4..", enhanced=r"4\.4\.2"),
    _Rule(Kind.TRANSPORT, BEFORE_MAIL, "4.."),
    _Rule(Kind.TEMPORARY, ANY, "4.."),
    _Rule(Kind.CONFIG, ANY, "53[0458]"),
    _Rule(Kind.CONFIG, ANY, "5..", enhanced=r"5\.7\.60|5\.7\.30|5\.2\.252", words=SEND_AS_DENIED),
    _Rule(Kind.CONFIG, ANY, "5..", enhanced=r"5\.1\.[78]", words=REJECTED_US),
    _Rule(Kind.PERMANENT, ABOUT_THE_MAIL, "5..", enhanced=r"5\.2\.2|5\.3\.4", words=MAILBOX_OR_SIZE),
    _Rule(Kind.TRANSPORT, ANY, "5..", enhanced=r"5\.4\.5|5\.1\.90|5\.7\.23[23]", words=QUOTA_OR_RATE),
    _Rule(Kind.CONFIG, ABOUT_US, "5.."),
    _Rule(Kind.PERMANENT, ANY, "5.."),
)
"""The first row that fits decides. Sources: RFC 5321 4.2, RFC 3463, RFC 4954 6; Gmail (5.4.5), Exchange Online
(5.7.30, 5.7.60, 5.2.252, 5.1.90, 5.7.232) and Amazon SES (throttling) say the rest in their manuals."""


def classify(stage: str, code: int | None, enhanced: str | None, text: str) -> Kind:
    """The kind of failure that a reply means, or the lack of one.

    Args:
        stage: what the reply answers.
        code: three digits; None where no reply was understood, or none came.
        enhanced: believed where its class agrees with `code`.
        text: the server's words.
    """
    if code is None or not 400 <= code <= 599:
        return Kind.UNKNOWN if stage == Stage.DOT else Kind.TRANSPORT
    if enhanced is None or enhanced[0] != str(code)[0]:
        enhanced = ""
    return next(rule.kind for rule in RULES if rule.fits(stage, code, enhanced, text))
