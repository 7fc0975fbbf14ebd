"""leadq emails each new sales lead to the right colleague, and never loses one.

What an application uses of it stands in `__all__`, and is loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers go by the name, and importing typing takes longer than all else here

__version__ = "0.1.0"

if TYPE_CHECKING:
    from leadq.api import configure, create_lead, create_user, dispatch
    from leadq.errors import (
        ConfigError,
        HomeNotFound,
        InvalidInput,
        LeadqError,
        MailError,
        NotFound,
        PermanentFailure,
        SchemaMismatch,
        StoreError,
        StoreUnavailable,
        TimeoutExceeded,
        UndecodablePayload,
        UnknownJob,
    )
    from leadq.job import Job, JobContext
    from leadq.store.records import Lead, User
else:
    _MODULES = {
        "leadq.api": ("configure", "create_lead", "create_user", "dispatch"),
        "leadq.errors": (
            "ConfigError",
            "HomeNotFound",
            "InvalidInput",
            "LeadqError",
            "MailError",
            "NotFound",
            "PermanentFailure",
            "SchemaMismatch",
            "StoreError",
            "StoreUnavailable",
            "TimeoutExceeded",
            "UndecodablePayload",
            "UnknownJob",
        ),
        "leadq.job": ("Job", "JobContext"),
        "leadq.store.records": ("Lead", "User"),
    }
    _HOME_OF = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name):
        import importlib

        if name == "testing":  # so that it is there without an import of its own
            return importlib.import_module("leadq.testing")
        if name not in _HOME_OF:
            raise AttributeError(f"module 'leadq' has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "ConfigError",
    "HomeNotFound",
    "InvalidInput",
    "Job",
    "JobContext",
    "Lead",
    "LeadqError",
    "MailError",
    "NotFound",
    "PermanentFailure",
    "SchemaMismatch",
    "StoreError",
    "StoreUnavailable",
    "TimeoutExceeded",
    "UndecodablePayload",
    "UnknownJob",
    "User",
    "__version__",
    "configure",
    "create_lead",
    "create_user",
    "dispatch",
]
