"""Servers by what they answer to SELECT VERSION()."""

from __future__ import annotations

import pytest

from leadq.errors import StoreError
from leadq.store.mysql import require_supported, skips_locked_rows


@pytest.mark.parametrize(
    ("version", "skips"),
    [
        ("5.7.9", False),
        ("5.7.44-log", False),
        ("8.0.0-dmr", False),
        ("8.0.1-dmr", True),
        ("8.0.35-27", True),
        ("8.0.mysql_aurora.3.04.0", True),
        ("8.4.3", True),
        ("9.1.0", True),
        ("10.2.2-MariaDB", False),
        ("10.5.23-MariaDB", False),
        ("5.5.5-10.5.23-MariaDB", False),
        ("10.6.0-MariaDB", True),
        ("5.5.5-10.6.16-MariaDB-0ubuntu0.22.04.1", True),
        ("10.11.19-MariaDB-0+deb12u1", True),
        ("11.8.2-MariaDB-log", True),
        ("11.8.2-MARIADB", True),
    ],
)
def test_a_server_is_supported_and_knows_how_to_skip_locked_rows_or_not(version: str, skips: bool) -> None:
    require_supported(version)
    assert skips_locked_rows(version) is skips


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("5.5.5-10.1.48-MariaDB", "MariaDB 10.1.48, expected 10.2.2"),
        ("10.2.1-MariaDB", "MariaDB 10.2.1, expected 10.2.2"),
        ("5.5.68-MariaDB", "MariaDB 5.5.68, expected 10.2.2"),
        ("5.6.51", "MySQL 5.6.51, expected 5.7.9"),
        ("5.7.8-rc", "MySQL 5.7.8, expected 5.7.9"),
    ],
)
def test_a_server_that_is_too_old_is_refused_with_what_would_do(version: str, told: str) -> None:
    with pytest.raises(StoreError) as error:
        require_supported(version)
    assert error.value.message == f"the database server is too old: it is {told} or newer"
    assert error.value.hint == "MySQL 8.0 or MariaDB 10.6 and newer are best."
