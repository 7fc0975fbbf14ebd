"""Every error that leadq raises on purpose, as one tree.

LeadqError                  base; carries a message, and a hint: what to type next
├── ConfigError             a setting is wrong or missing
├── HomeNotFound            no folder with a `.leadq` marker
├── InvalidInput            an address, a name, a duration … that cannot be accepted
├── NotFound                no user, lead or job under that id
├── Refused                 the command would destroy something and nobody has agreed
├── StillPaused             a queue cannot be resumed alone, since all of them are paused
├── Interrupted             somebody pressed Ctrl-C in the middle: what was done is done
├── StoreError              the database said no
│   ├── StoreUnavailable    missing, locked, full, read-only, unreachable: may be better later
│   │   └── StoreContended  a deadlock, or a row that others keep locked: the transaction may be tried again at once
│   └── SchemaMismatch      tables older or newer than this program
├── JobError                an attempt cannot succeed
│   ├── PermanentFailure    fails at once, however many tries are left
│   │   ├── UndecodablePayload
│   │   ├── UnknownJob
│   │   └── TooManyAttempts
│   └── TimeoutExceeded     the attempt was interrupted at its timeout
└── MailError               a mail did not go out; see leadq.mail.errors for its kinds
"""

from __future__ import annotations


class LeadqError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what happened and why, in one line.
        hint: what to do or type next; None where there is nothing useful to say.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(LeadqError):
    """A setting is wrong or missing: names the key, what was found (never a secret) and what was expected."""


class HomeNotFound(LeadqError):
    """No home: says where it was looked for."""


class InvalidInput(LeadqError):
    """Something that a person typed cannot be accepted."""


class NotFound(LeadqError):
    """Nothing under that id."""


class Refused(LeadqError):
    """A destructive command without anybody's consent."""


class StillPaused(LeadqError):
    """A queue was to go on, and does not: all queues are paused."""


class Interrupted(LeadqError):
    """A command was ended in the middle; says how much is left."""


class StoreError(LeadqError):
    """The database refused a statement."""


class StoreUnavailable(StoreError):
    """The database cannot be used now; the same call may work later."""


class StoreContended(StoreUnavailable):
    """Another transaction was in the way, and this one was taken back."""


class SchemaMismatch(StoreError):
    """The tables belong to another version of leadq."""


class JobError(LeadqError):
    """An attempt that cannot succeed."""


class PermanentFailure(JobError):
    """Raised by a job (or for it) to fail at once: no further attempts."""


class UndecodablePayload(PermanentFailure):
    """The row's payload is not a JSON object with a job name and fitting data."""


class UnknownJob(PermanentFailure):
    """No job is registered under the payload's name."""


class TooManyAttempts(PermanentFailure):
    """All tries were claimed and none came to an end: the job takes its worker down, or outlives it."""


class TimeoutExceeded(JobError):
    """The attempt was interrupted at its timeout."""


class MailError(LeadqError):
    """A mail did not go out.

    Attributes:
        retry_after: seconds for which the mail server asks to be left alone; None where it names no time.
        is_outage: whether no other mail could have gone out either.
    """

    retry_after: float | None = None
    is_outage: bool = False


class MailHeld(MailError):
    """Nothing was sent, since it is known that no mail can leave (MAIL_OUTAGE=hold)."""


class MailPaced(MailError):
    """Nothing was sent: MAIL_RATE lets no mail go for so long that the attempt cannot wait for it.

    `retry_after` says for how long.
    """


class MailOutageTooLong(PermanentFailure, MailError):
    """No mail could leave for MAIL_OUTAGE_MAX, so the job has failed."""
