"""Email addresses: checked and normalised by email-validator, without asking the DNS."""

from __future__ import annotations

import re
from typing import NamedTuple

from leadq.errors import InvalidInput
from leadq.text import one_line

# The plainest addresses, as nearly all are: email-validator changes nothing in them. To load it takes a command as long
# as to open the database, and to ask it takes longer than to store a lead.
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"  # not xn--: that is looked into
_PLAIN = re.compile(rf"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)@((?:{_LABEL}\.)+([a-z]{{2,}}))")
_SPECIAL = {"alt", "arpa", "example", "internal", "invalid", "lan", "local", "localhost", "onion", "test"}
_LOCAL_PART_LIMIT, _ADDRESS_LIMIT, _LABEL_LIMIT = 64, 254, 63  # RFC 5321, 4.5.3.1; RFC 1035, 2.3.4


class Mailbox(NamedTuple):
    """A checked address.

    Attributes:
        address: for people, with a domain in its own script: `jose@exämple.com`.
        ascii: for the wire, with an IDNA domain: `jose@xn--exmple-cua.com`; None where the local part is
            not ASCII, so that only a server with SMTPUTF8 could take it.
    """

    address: str
    ascii_address: str | None

    @property
    def ascii(self) -> str:
        """The address for the wire.

        Raises:
            InvalidInput: the local part is not ASCII.
        """
        if self.ascii_address is None:
            raise InvalidInput(
                f"{self.address} cannot be mailed to: expected plain letters before the @ "
                "(most mail servers take no others there)"
            )
        return self.ascii_address


def mailbox(text: str) -> Mailbox:
    """Checks one bare address.

    Names of intranets (`crm.local`, `localhost`) are accepted: a queue may well serve one.

    Raises:
        InvalidInput: not an address; the message says why.
    """
    text = text.strip()
    if _is_plain(text):
        return Mailbox(text, text)
    from email_validator import EmailNotValidError, validate_email

    special = re.search(r"@((?:[A-Za-z0-9-]+\.)*)(localhost|local|test|internal|lan)\.?$", text, re.IGNORECASE)
    # email-validator refuses special-use domains whatever it is told: check such an address under a
    # stand-in domain of the same shape, and put its own domain back
    probe = text[: special.start(2)] + "com" if special else text
    if special and not special[1]:
        probe = text[: special.start(2)] + "example.com"
    try:
        found = validate_email(probe, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidInput(f"{one_line(text, limit=80)!r} is not an email address: {error}") from None
    if special:
        domain = (special[1] + special[2]).lower()
        ascii_address = f"{found.ascii_local_part}@{domain}" if found.ascii_local_part else None
        return Mailbox(f"{found.local_part}@{domain}", ascii_address)
    return Mailbox(found.normalized, found.ascii_email)


def _is_plain(text: str) -> bool:
    match = _PLAIN.fullmatch(text)
    if match is None or len(text) > _ADDRESS_LIMIT or len(match[1]) > _LOCAL_PART_LIMIT or match[3] in _SPECIAL:
        return False
    return max(map(len, match[2].split("."))) <= _LABEL_LIMIT
