"""The settings of a soak's home, where its owner writes them."""

from __future__ import annotations

from tests.homes import Home


def write_settings(home: Home, **settings: object) -> None:
    """Adds settings to a home's `.env`; the last one of a key counts. Whoever starts meanwhile finds a whole file."""
    file, new = home.path / ".env", home.path / ".env.new"
    new.write_text(file.read_text(encoding="utf-8") + "".join(f"{k}={v}\n" for k, v in settings.items()))
    new.chmod(0o600)
    new.rename(file)
