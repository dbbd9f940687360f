"""Lets Ctrl-C end the command `ualign` at once while it still imports what it needs; no other program is touched."""

import signal
import sys
import threading
from pathlib import Path


def _is_running() -> bool:
    """Returns whether this process was started as `ualign` or `python -m ualign_env`."""
    started = sys.orig_argv[1:3] == ["-m", "ualign_env"] or Path(sys.argv[0] if sys.argv else "").stem == "ualign"
    return started and threading.current_thread() is threading.main_thread()


if _is_running():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
