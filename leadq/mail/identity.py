"""A uuid as Message-IDs, MIME boundaries and file names may hold it."""

from __future__ import annotations

import hashlib
import re


def identity(uuid: str) -> str:
    """`uuid` itself where it is made of letters, digits and hyphens, else its digest.

    A foreign application may have put anything into the row; two different values stay different.
    """
    if re.fullmatch(r"[A-Za-z0-9-]{1,50}", uuid):
        return uuid
    return hashlib.sha256(uuid.encode("utf-8", "surrogatepass")).hexdigest()[:32]
