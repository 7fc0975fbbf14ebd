"""leadq emails each new sales lead to the right colleague, and never loses one."""

__version__ = "0.1.0"
