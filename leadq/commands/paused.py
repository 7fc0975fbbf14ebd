"""What commands that look at queues say of pauses."""

from __future__ import annotations

from collections.abc import Sequence

from leadq.app import App


def note_pauses(app: App, queues: Sequence[str] = ()) -> None:
    """Remarks on what is paused of `queues`, of all where it is empty."""
    from leadq.output.pauses import pause_line

    for pause in app.store.control.pauses():
        if not queues or any(pause.covers(queue) for queue in queues):
            app.out.note(f"Paused: {pause_line(pause)}")
