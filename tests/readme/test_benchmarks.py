"""`How fast`: the command that measures."""

from __future__ import annotations

import subprocess
import sys

from tests.readme.blocks import ROOT, Block, runs

QUICK = "start_up --jobs 20 --rounds 1 --database sqlite"


@runs(section="How fast")
def test_the_command_measures(block: Block) -> None:
    command = block.text.partition("#")[0].strip()
    program = f'python() {{ "{sys.executable}" "$@"; }}\n{command} {QUICK}'  # which beats the command's own rounds
    done = subprocess.run(["sh", "-ec", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "leadq size" in done.stdout
