"""How long a server asks to be left alone."""

from __future__ import annotations

import pytest

from leadq.mail.errors import Stage, failed, refused
from leadq.mail.waiting_time import seconds_asked_for


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        ("450 4.2.0 <b@x>: Recipient address rejected: Greylisted, see http://postgrey/help?b.html", None),
        ("451 4.7.1 Greylisting in action, please come back in 00:04:30", None),
        ("451 4.7.1 Greylisted for 300 seconds", 300),
        ("450 4.7.1 Greylisted, try again in 5 minutes", 300),
        ("421 4.7.0 Try again later, retry after 90s", 90),
        ("452 4.3.1 please wait 1 hour before you send again", 3600),
        ("450 Delayed by 10 min", 600),
        ("450 4.7.1 try again in 2 days", None),
        ("450 4.7.1 try again in 99 hours", 3600),
        ("451 4.3.0 Try again later", None),
        ("452 4.5.3 Too many recipients: 100 in 10 minutes", None),
        ("450 4.7.1 try again in 0 seconds", 0),
        ("450 4.7.1 try again in ٣ seconds", None),
    ],
)
def test_a_reply_may_name_a_wait(reply, seconds):
    assert seconds_asked_for(reply) == seconds


def test_an_error_knows_the_wait_that_the_server_named():
    assert refused(Stage.RCPT, code=450, enhanced="4.7.1", reply="450 4.7.1 retry in 5 min").retry_after == 300
    assert refused(Stage.RCPT, code=450, enhanced=None, reply="450 later").retry_after is None
    assert failed(Stage.CONNECT, "retry in 5 min").retry_after is None
