"""The store: jobs, leads, users and deliveries in SQLite or MySQL. Everything that leaves it is a frozen dataclass."""

from leadq.store.peewee_alone import import_peewee

import_peewee()
