"""How long whole commands take, from the start of the process to its end, beside Python that does nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.rounds import interleaved
from tests.homes import Home

BARE = "python -c pass"
LEAD = ("lead", "create", "--name", "Ana Lima", "--email", "ana@example.com")
COMMANDS = {  # with how many times the bare one's time each may take
    "leadq --help": (("--help",), 6),
    "leadq size": (("size",), 12),
    "leadq lead create": (LEAD, 12),
}


def figures(bench: Bench) -> Iterator[Figure]:
    home = bench.home(own_jobs=False)
    home.leadq("user", "create", "--name", "Sam Sales", "--email", "sam@acme.example")
    times = bench.plan.rounds * bench.plan.share(5)
    program = shutil.which("leadq", path=str(Path(sys.executable).parent))
    leadq = [program] if program else [sys.executable, "-m", "leadq"]
    measures = {name: _milliseconds(home, [*leadq, *arguments]) for name, (arguments, _) in COMMANDS.items()}
    found = interleaved(times, {BARE: _milliseconds(home, [sys.executable, "-c", "pass"]), **measures})
    for name, (_, bound) in COMMANDS.items():
        yield Figure(
            what=name,
            jobs=times,
            unit="ms",
            leadq=found[name],
            baseline=found[BARE],
            beside=BARE,
            wish=Wish(sign="≤", bound=bound),
        )


def _milliseconds(home: Home, command: list[str]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, cwd=home.path, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return (time.perf_counter() - started) * 1000

    return run
