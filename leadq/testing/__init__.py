"""For the tests of applications that embed leadq.

`fake()` captures what is dispatched and stores nothing. `drain()` runs what is queued, in this process; the mails that
it sends are in `outbox`. `temporary_home()` and `tables_in()` make something to queue in.
"""

from leadq.testing.draining import Drained, JobsFailed, drain
from leadq.testing.fakes import Fake, FakedJob, FakedLead, fake
from leadq.testing.outbox import outbox
from leadq.testing.surroundings import tables_in, temporary_home

__all__ = [
    "Drained",
    "Fake",
    "FakedJob",
    "FakedLead",
    "JobsFailed",
    "drain",
    "fake",
    "outbox",
    "tables_in",
    "temporary_home",
]
