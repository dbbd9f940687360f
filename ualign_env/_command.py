"""What the command `ualign` needs before anything slow is imported; no other program is touched.

Ctrl-C ends it at once, and streams that whoever started it has closed lead nowhere: some libraries cannot be imported
without one.
"""

import os
import signal
import sys
import threading
from pathlib import Path


def _is_running() -> bool:
    """Returns whether this process was started as `ualign` or `python -m ualign_env`."""
    name = Path(sys.argv[0] if sys.argv else "").name
    started = sys.orig_argv[1:3] == ["-m", "ualign_env"] or name in ("ualign", "ualign.exe")
    return started and threading.current_thread() is threading.main_thread()


if _is_running():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for _name in ("stdout", "stderr"):
        if getattr(sys, _name) is None:
            setattr(sys, _name, open(os.devnull, "w"))  # noqa: SIM115  # open as long as the process
