"""A letter's words: Jinja2 templates, those of the home before the packaged ones.

Templates are sandboxed and get nothing but harmless text. HTML ones escape by themselves.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from leadq.mail.errors import DeliveryError, Kind, Stage, failed

PACKAGED = Path(__file__).parent / "templates"


class Templates:
    """The templates of one folder pair, each compiled at its first use and kept."""

    def __init__(self, home_folder: Path | None) -> None:
        folders = [PACKAGED] if home_folder is None else [home_folder, PACKAGED]
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folders),
            undefined=StrictUndefined,
            autoescape=lambda name: name is not None and name.endswith(".html.j2"),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(mailto=mailto, tel=tel, line_breaks=line_breaks)
        self._templates: dict[str, Template] = {}

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The template's text.

        Raises:
            PermanentDeliveryError: the template is broken; the message says file and line.
        """
        template = self._templates.get(name) or self.compile(name)
        try:
            return template.render(values)
        except Exception as error:  # a template is somebody's program and may raise anything
            raise _broken(template.filename or name, _line_in_template(error), error) from error

    def compile(self, name: str) -> Template:
        """The template of that name, made now and kept. Raises PermanentDeliveryError: see `render`."""
        try:
            self._templates[name] = self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise _broken(error.filename or name, error.lineno, error) from error
        except (TemplateError, UnicodeDecodeError, OSError) as error:
            raise _broken(name, None, error) from error
        return self._templates[name]


def _line_in_template(error: Exception) -> int | None:
    """The last template line that the error passed through; Jinja2 puts those lines into the traceback."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if _is_template(frame.f_code)]
    return lines[-1] if lines else None


def _is_template(code: object) -> bool:
    return str(getattr(code, "co_filename", "")).endswith(".j2")


def _broken(file: str, line: int | None, error: Exception) -> DeliveryError:
    where = f"template {file}" if line is None else f"template {file}, line {line}"
    return failed(
        Stage.COMPOSE,
        f"{where}: {error}",
        kind=Kind.PERMANENT,
        hint="Correct the template, then: leadq restart; leadq retry all",
    )


def mailto(address: str) -> str:
    """The link that writes to `address`."""
    local, _, domain = address.rpartition("@")
    return f"mailto:{quote(local, safe='')}@{quote(domain, safe='')}"


def tel(phone: str) -> str:
    """The link that calls `phone`; empty where it holds no number."""
    digits = re.sub(r"[^0-9+]", "", phone)
    return f"tel:{digits}" if len(digits) >= 3 else ""


def line_breaks(text: str) -> Markup:
    """`text` for HTML, its line breaks kept."""
    return Markup("<br>\n").join(escape(line) for line in text.split("\n"))
