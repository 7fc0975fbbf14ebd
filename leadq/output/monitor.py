"""What `leadq monitor` has seen, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from rich.console import Console
from rich.text import Text

from leadq.counting import counted
from leadq.durations import span
from leadq.monitoring import QueueReport, Report, Status, WorkerReport, WorkerState
from leadq.output.grid import Column, fits, grid
from leadq.output.times import local_time
from leadq.payload import describe
from leadq.store.records import RunningJob
from leadq.text import one_line

STYLES = {
    Status.ALERT: "bold red",
    Status.PAUSED: "yellow",
    Status.OK: "green",
    WorkerState.GONE: "bold red",
    WorkerState.PAUSED: "yellow",
    WorkerState.BUSY: "cyan",
    WorkerState.IDLE: "bright_black",
}
LINES_A_NOTICE = 4  # where the height is limited
INDENT = 8  # the width of the first column and the gap after it

STATUS, QUEUE = Column(heading="status"), Column(heading="queue", least=8)
SIZE, PENDING = Column(heading="size", number=True), Column(heading="pending", number=True)
DELAYED, RESERVED = Column(heading="delayed", number=True), Column(heading="reserved", number=True)
OLDEST, FAILED = Column(heading="oldest", number=True), Column(heading="failed", number=True)
RATE, MEAN = Column(heading="jobs/min", number=True), Column(heading="mean", number=True)
STATE, WORKER = Column(heading="state"), Column(heading="worker", least=8)
PROCESS, QUEUES = Column(heading="host:pid", least=9), Column(heading="queues", least=8)
JOB, DONE = Column(heading="job"), Column(heading="done", number=True)
SINCE, SEEN = Column(heading="since", number=True), Column(heading="seen", number=True)


def report_lines(report: Report, *, zone_name: str | None, width: int, height: int | None = None) -> list[Text]:
    """The report: the verdict, what is wrong, the queues, the workers.

    Args:
        report: what was seen.
        zone_name: the zone of its times; the system's if None.
        width: cells for a line. Names are cut to fit; what is wrong is told in as many lines as that takes.
        height: lines that there may be; None for as many as it takes.
    """
    notices = [_wrapped(notice, width) for notice in _notices(report, zone_name)]
    queues = _queue_blocks(report.queues, width)
    workers = _worker_blocks(report, width)
    if height is not None:
        shown_notices = _limited([_shortened(notice) for notice in notices], (height - 1) // 2, "notice")
        left = height - 1 - len(shown_notices)
        of_workers = _length(workers) + 1 if workers else 0
        queues_room = max(left - of_workers, left // 2) - 1  # each gets half at least
        shown_queues = _limited(queues, queues_room, "queue")
        shown_workers = _limited(workers, left - len(shown_queues) - 2, "worker")
    else:
        shown_notices, shown_queues, shown_workers = (list(chain(*blocks)) for blocks in (notices, queues, workers))
    lines = [_headline(report, zone_name, width), *shown_notices, Text(), *shown_queues]
    if shown_workers:
        lines += [Text(), *shown_workers]
    return lines


def trouble_lines(message: str, hint: str | None, *, at: float, zone_name: str | None, width: int) -> list[Text]:
    """What is shown while the database does not answer."""
    told = [_tagged("ALERT", STYLES[Status.ALERT], f"{local_time(at, zone_name)}  {one_line(message)}")]
    told += [_tagged("", "", one_line(text)) for text in (hint, "Trying again.") if text]
    return list(chain.from_iterable(_wrapped(line, width) for line in told))


def _headline(report: Report, zone_name: str | None, width: int) -> Text:
    """The verdict and the sums; what finds no room is left out from its end."""
    at = local_time(report.at, zone_name)
    facts = [
        counted(len(report.live_workers), "worker"),
        f"{sum(queue.size.pending for queue in report.queues):,} pending",
        f"{sum(queue.failed for queue in report.queues):,} failed",
        f"{_rate(sum(queue.jobs_per_minute for queue in report.queues))} jobs/min",
    ]
    told = f"{at}  {', '.join(facts)}"
    while INDENT + len(told) > width and facts:
        told = f"{at[-len('13:00:00') :]}  {', '.join(facts)}"
        facts.pop()
    return _tagged(report.status.value, STYLES[report.status], told)


def _notices(report: Report, zone_name: str | None) -> Iterator[Text]:
    if report.outage is not None:
        outage, held = report.outage, counted(report.held, "job")
        since = f"since {_moment(outage.since, report, zone_name)} ({span(max(0, report.at - outage.since))})"
        text = f"no mail can leave {since}, {held} held: {one_line(outage.error)}"
        yield _tagged("ALERT", STYLES[Status.ALERT], text)
    for queue in report.queues:
        if queue.alerts:
            yield _tagged("ALERT", STYLES[Status.ALERT], f"{one_line(queue.name)}: {', '.join(queue.alerts)}")
    for pause in report.pauses:
        which = "every queue" if pause.queue is None else one_line(pause.queue)
        text = f"{which} since {_moment(pause.since, report, zone_name)} ({span(max(0, report.at - pause.since))})"
        if pause.until is not None:
            text += f" until {_moment(pause.until, report, zone_name)}"
        yield _tagged("PAUSED", STYLES[Status.PAUSED], text + (f": {one_line(pause.reason)}" if pause.reason else ""))
    for warning in report.warnings:
        yield _tagged("WARN", "yellow", one_line(warning))


# --- blocks: a heading, and for each queue or worker the lines that belong together -------------------------------


def _queue_blocks(queues: Sequence[QueueReport], width: int) -> list[list[Text]]:
    columns = (STATUS, QUEUE, SIZE, PENDING, DELAYED, RESERVED, OLDEST, FAILED, RATE, MEAN)
    rows = [_queue_cells(queue) for queue in queues]
    if fits(columns, rows, width):
        return [[line] for line in grid(columns, rows, width)]
    narrow = [[cells[place] for place in (0, 1, 2, 6, 7, 8)] for cells in rows]
    lines = grid((STATUS, QUEUE, SIZE, OLDEST, FAILED, RATE), narrow, width)
    below = [
        _below(
            f"{q.size.pending:,} pending, {q.size.delayed:,} delayed, {q.size.reserved:,} reserved"
            + (f", mean {_milliseconds(q.mean_run_ms)}" if q.mean_run_ms is not None else "")
        )
        for q in queues
    ]
    return [lines[:1], *([line, more] for line, more in zip(lines[1:], below, strict=True))]


def _queue_cells(queue: QueueReport) -> list[Text]:
    size = queue.size
    oldest = "" if queue.oldest_pending_seconds is None else span(queue.oldest_pending_seconds)
    return [
        Text(queue.status.value, style=STYLES[queue.status]),
        Text(one_line(queue.name)),
        *(Text(f"{number:,}") for number in (size.size, size.pending, size.delayed, size.reserved)),
        Text(oldest),
        Text(f"{queue.failed:,}", style="red" if queue.failed else ""),
        Text(_rate(queue.jobs_per_minute)),
        Text("" if queue.mean_run_ms is None else _milliseconds(queue.mean_run_ms)),
    ]


def _worker_blocks(report: Report, width: int) -> list[list[Text]]:
    if not report.workers:
        return []
    jobs = [_job_text(one.job, report.at) for one in report.workers]
    rows = [_worker_cells(one, report.at) for one in report.workers]
    wide = (STATE, WORKER, PROCESS, QUEUES, JOB, DONE, FAILED, SINCE, SEEN)
    wide_rows = [[*cells[:4], Text(job), *cells[4:]] for cells, job in zip(rows, jobs, strict=True)]
    if fits(wide, wide_rows, width):
        return [[line] for line in grid(wide, wide_rows, width)]
    lines = grid((STATE, WORKER, PROCESS, QUEUES, DONE, FAILED, SINCE, SEEN), rows, width)
    below = [[_below(job)] if job else [] for job in jobs]
    return [lines[:1], *([line, *more] for line, more in zip(lines[1:], below, strict=True))]


def _worker_cells(report: WorkerReport, at: int) -> list[Text]:
    worker = report.worker
    return [
        Text(report.state.value, style=STYLES[report.state]),
        Text(one_line(worker.name)),
        Text(f"{one_line(worker.process.host)}:{worker.process.pid}"),
        Text(one_line(",".join(worker.queues))),
        Text(f"{worker.done:,}"),
        Text(f"{worker.failed:,}", style="red" if worker.failed else ""),
        Text(span(max(0, at - worker.started_at))),
        Text(span(max(0, at - worker.seen_at))),
    ]


def _job_text(job: RunningJob | None, at: int) -> str:
    if job is None:
        return ""
    return f"{one_line(describe(job.payload)[0], limit=60)} {job.id} for {span(max(0, at - job.reserved_at))}"


# --- pieces -------------------------------------------------------------------------------------------------------


def _tagged(tag: str, style: str, text: str) -> Text:
    return Text.assemble((f"{tag:{INDENT}}", style), text)


def _moment(seconds: int, report: Report, zone_name: str | None) -> str:
    """A time, without its date where that is today's."""
    told, now = local_time(seconds, zone_name), local_time(report.at, zone_name)
    return told.rpartition(" ")[2] if told.partition(" ")[0] == now.partition(" ")[0] else told


def _below(text: str) -> Text:
    return Text(" " * INDENT + text, style="bright_black")


def _wrapped(notice: Text, width: int) -> list[Text]:
    room = max(width - INDENT, 20)
    tag, text = notice[:INDENT], notice[INDENT:]
    first, *rest = text.wrap(Console(width=room), room)
    return [tag + first, *(Text(" " * INDENT) + line for line in rest)]


def _shortened(notice: list[Text]) -> list[Text]:
    return notice if len(notice) <= LINES_A_NOTICE else [*notice[: LINES_A_NOTICE - 1], Text(" " * INDENT + "…")]


def _limited(blocks: Sequence[Sequence[Text]], room: int, noun: str) -> list[Text]:
    """The lines of as many blocks as there is room for, and how many are left out."""
    if _length(blocks) <= room:
        return list(chain(*blocks))
    shown: list[Text] = []
    for place, block in enumerate(blocks):
        if len(shown) + len(block) + 1 > room:
            more = counted(len(blocks) - place, f"more {noun}")
            return [*shown, Text(f"… {more}", style="bright_black")] if room > 0 else []
        shown += block
    return shown


def _length(blocks: Sequence[Sequence[Text]]) -> int:
    return sum(map(len, blocks))


def _rate(per_minute: float) -> str:
    return f"{per_minute:,.1f}" if per_minute < 100 else f"{per_minute:,.0f}"


def _milliseconds(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    return f"{milliseconds / 1000:.1f}s" if milliseconds < 60_000 else span(milliseconds / 1000)
