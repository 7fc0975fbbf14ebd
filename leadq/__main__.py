"""The program `leadq`, and `python -m leadq`."""

import gc
import signal

# Ctrl-C while a command loads, or at its very end, ends it without a word, as SIGTERM does: Python's own handler would
# show a traceback. In between, leadq.cli has it raised. Where a script's background ignores it, that stays so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# What a command loads stays to its end: Python's default of 700 objects would have it searched a hundred times for
# what could be thrown away, which takes longer than most commands themselves.
gc.set_threshold(20_000, *gc.get_threshold()[1:])

from leadq.cli import main  # noqa: E402 - loading it is what this is about

if __name__ == "__main__":
    main()
