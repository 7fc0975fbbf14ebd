"""How long the soak may take, and where its figures are told."""

from __future__ import annotations

import pytest

END_SECONDS = 400  # from the last trouble until all is done


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.timeout(config.getoption("--soak") + END_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "soak"
    ]
    if told:
        terminalreporter.section("soak")
        for line in told:
            terminalreporter.write_line(line)
