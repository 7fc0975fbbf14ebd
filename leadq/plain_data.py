"""Plain JSON: the values that a job's data may hold, which come back from a row as what they were."""

from __future__ import annotations

import math

PLAIN = "text, numbers, True, False, None, lists, and dicts with keys of text"


def find_foreign(value: object, place: str) -> str | None:
    """What is not plain JSON in `value`, as `PLACE is a KIND`; None where all is.

    Tuples are foreign, too: they would come back as lists.

    Args:
        value: anything.
        place: what it is called, such as a field's name.

    Raises:
        RecursionError: it is nested too deeply, or holds itself.
    """
    if value is None or isinstance(value, str | int):  # a bool is an int
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{place} is {value}"
    if isinstance(value, list):
        items = ((item, f"{place}[{number}]") for number, item in enumerate(value))
        return next((found for item, where in items if (found := find_foreign(item, where))), None)
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"a key of {place} is of type {type(key).__name__}"
            found = find_foreign(item, f"{place}[{key!r}]")
            if found:
                return found
        return None
    return f"{place} is of type {type(value).__name__}"
