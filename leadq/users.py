"""Users: adding a colleague who receives leads."""

from __future__ import annotations

from leadq.addresses import mailbox
from leadq.errors import InvalidInput
from leadq.store.records import User
from leadq.store.store import Store
from leadq.text import one_line

NAME_LIMIT = 255


def create_user(store: Store, *, name: str, email: str) -> User:
    """Adds a user.

    Raises:
        InvalidInput: the name is empty or too long, the address is none, cannot be mailed to, or is taken.
    """
    name, address = validated(name, email)
    return store.users.create(name=name, email=address)


def validated(name: str, email: str) -> tuple[str, str]:
    """A user's name and address as they are kept.

    Raises:
        InvalidInput: the name is empty or too long, the address is none, or cannot be mailed to.
    """
    name = one_line(name)
    if not name:
        raise InvalidInput("the user's name is empty")
    if len(name) > NAME_LIMIT:
        raise InvalidInput(f"the user's name has {len(name)} characters: expected at most {NAME_LIMIT}")
    box = mailbox(email)
    _ = box.ascii  # refuses what no mail could reach
    return name, box.address
