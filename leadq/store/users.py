"""Users: the colleagues who receive leads."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from peewee import IntegrityError

from leadq.errors import InvalidInput, NotFound
from leadq.store.prepared import Prepared, Slot
from leadq.store.records import Turn, User
from leadq.store.session import Session, in_transaction
from leadq.text import storable

USER_COLUMNS = ("id", "name", "email", "active", "created_at")


class Users:
    """The rows of `users`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.users

    @in_transaction
    def create(self, *, name: str, email: str) -> User:
        """Adds a user.

        Raises:
            InvalidInput: there is one with this address already, whatever its case.
        """
        key = _key(email)
        twin = self._first(self._rows.email_key == key)
        if twin is not None:
            raise InvalidInput(f"user {twin.id} has the address {twin.email} already", hint="See: leadq user list")
        new = self._rows.insert(name=name, email=email, email_key=key, active=1, created_at=self._session.now())
        try:
            return self.get(new.execute())
        except IntegrityError:  # somebody has added the same at this moment
            raise InvalidInput(f"another user has the address {email} already", hint="See: leadq user list") from None

    def get(self, user_id: int) -> User:
        """One user.

        Raises:
            NotFound: there is none.
        """
        with self._session.reading():
            row = self._one.row(id=user_id)
        if row is None:
            raise NotFound(f"there is no user {user_id}", hint="See: leadq user list")
        return _user(dict(zip(USER_COLUMNS, row, strict=True)))

    def find(self, reference: str) -> User:
        """One user by number or address.

        Raises:
            NotFound: there is none.
        """
        if reference.isascii() and reference.isdigit():
            return self.get(int(reference[:18]))
        with self._session.reading():
            user = self._first(self._rows.email_key == _key(storable(reference.strip())))
        if user is None:
            raise NotFound(f"there is no user {reference!r}", hint="See: leadq user list")
        return user

    def all(self) -> list[User]:
        """Every user, the oldest first."""
        with self._session.reading():
            return [_user(row) for row in self._rows.select().order_by(self._rows.id).dicts()]

    def first_active(self) -> User | None:
        """The oldest active user."""
        with self._session.reading():
            return self._first(self._rows.active == 1, self._rows.id)

    @in_transaction
    def next_in_turn(self) -> User | None:
        """The active user whose last lead is longest ago; one who never had any comes first.

        Nobody else gets the same answer until the transaction ends.
        """
        row = self._next.row()
        return None if row is None else _user(dict(zip(USER_COLUMNS, row, strict=True)))

    @in_transaction
    def turns(self) -> list[Turn]:
        """Every active user, the one who has waited longest first.

        Nobody else gives them a lead until the transaction ends.
        """
        rows = self._session.locking(self._in_turn(self._rows.select())).dicts()
        return [
            Turn(last_lead_at=row["last_lead_at"], last_lead_id=row["last_lead_id"], user_id=row["id"]) for row in rows
        ]

    @cached_property
    def _one(self) -> Prepared:
        return self._session.prepare(self._select().where(self._rows.id == Slot("id")))

    @cached_property
    def _next(self) -> Prepared:
        return self._session.prepare(self._session.locking(self._in_turn(self._select()).limit(1)))

    def _select(self) -> Any:
        """What a User has: on a server each further column takes time."""
        return self._rows.select(*[getattr(self._rows, column) for column in USER_COLUMNS])

    def _in_turn(self, query: Any) -> Any:
        rows = self._rows
        return query.where(rows.active == 1).order_by(rows.last_lead_at, rows.last_lead_id, rows.id)

    @in_transaction
    def locked(self, reference: str) -> User:
        """One user by number or address, whom nobody else gives a lead until the transaction ends.

        Comes before the lead is stored: the foreign key of that shares the user's row with others who do the
        same, and then none of them could note theirs (https://dev.mysql.com/doc/refman/8.0/en/innodb-deadlock-example.html).

        Raises:
            NotFound: there is none.
        """
        user = self.find(reference)
        list(self._session.locking(self._rows.select(self._rows.id).where(self._rows.id == user.id)).tuples())
        return user

    @in_transaction
    def note_lead(self, user_id: int, lead_id: int) -> None:
        """Remembers that a user was given a lead just now."""
        self._note_lead.execute(now=self._session.now(), lead_id=lead_id, user_id=user_id)

    @cached_property
    def _note_lead(self) -> Prepared:
        given = self._rows.update(last_lead_at=Slot("now"), last_lead_id=Slot("lead_id"))
        return self._session.prepare(given.where(self._rows.id == Slot("user_id")))

    @in_transaction
    def set_active(self, user_id: int, active: bool) -> User:
        """Puts a user in or out of the round of those who are given leads.

        Raises:
            NotFound: there is none.
        """
        self._rows.update(active=int(active)).where(self._rows.id == user_id).execute()
        return self.get(user_id)

    def _first(self, condition: Any, *order: Any) -> User | None:
        for row in self._rows.select().where(condition).order_by(*order).limit(1).dicts():
            return _user(row)
        return None


def _key(email: str) -> str:
    return email.casefold()


def _user(row: dict[str, Any]) -> User:
    return User(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        active=bool(row["active"]),
        created_at=row["created_at"],
    )
