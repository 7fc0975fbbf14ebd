"""The store: jobs, leads, users and deliveries in SQLite. Everything that leaves it is a frozen dataclass."""
