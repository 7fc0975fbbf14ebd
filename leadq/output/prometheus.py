"""A report in Prometheus' text format, for the node exporter's textfile collector.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from leadq.monitoring import RATE_MINUTES, QueueReport, Report, Status, WorkerState
from leadq.text import spelled_out

Sample = tuple[Mapping[str, str], float]


def exposition(report: Report) -> Iterator[str]:
    """The lines. Every metric is a gauge."""
    queues = report.queues
    outage = report.outage
    yield from _metric("leadq_jobs", "Jobs, by queue and state.", list(_jobs(queues)))
    yield from _metric(
        "leadq_held_jobs",
        "Pending jobs that wait until mail can leave.",
        [({"queue": queue.name}, queue.load.held) for queue in queues],
    )
    yield from _metric(
        "leadq_oldest_pending_seconds",
        "For how long the oldest pending job has been due; 0 without any.",
        [({"queue": queue.name}, queue.oldest_pending_seconds or 0) for queue in queues],
    )
    yield from _metric("leadq_failed_jobs", "Failed jobs.", [({"queue": queue.name}, queue.failed) for queue in queues])
    yield from _metric(
        "leadq_jobs_per_minute",
        f"Jobs that were done or failed, over the last {RATE_MINUTES} full minutes and the current one.",
        [({"queue": queue.name}, round(queue.jobs_per_minute, 3)) for queue in queues],
    )
    yield from _metric(
        "leadq_mean_run_seconds",
        "How long an attempt took, over the same time.",
        [({"queue": q.name}, round(q.mean_run_ms / 1000, 6)) for q in queues if q.mean_run_ms is not None],
    )
    yield from _metric(
        "leadq_queue_paused",
        "Whether the queue's jobs are not run.",
        [({"queue": queue.name}, queue.is_paused) for queue in queues],
    )
    yield from _metric(
        "leadq_queue_alert",
        "Whether `leadq monitor` says ALERT of the queue.",
        [({"queue": queue.name}, queue.status is Status.ALERT) for queue in queues],
    )
    yield from _metric("leadq_workers", "Workers, by state.", list(_workers(report)))
    yield from _metric("leadq_mail_outage", "Whether jobs are held since no mail can leave.", [({}, bool(outage))])
    yield from _metric(
        "leadq_mail_outage_seconds",
        "For how long no mail has been able to leave.",
        [({}, max(0, report.at - outage.since) if outage else 0)],
    )


def _jobs(queues: Sequence[QueueReport]) -> Iterator[Sample]:
    for queue in queues:
        size = queue.size
        for state, count in (("pending", size.pending), ("delayed", size.delayed), ("reserved", size.reserved)):
            yield {"queue": queue.name, "state": state}, count


def _workers(report: Report) -> Iterator[Sample]:
    for state in WorkerState:
        yield {"state": state.value}, sum(one.state is state for one in report.workers)


def _metric(name: str, help_text: str, samples: Sequence[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return spelled_out(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
