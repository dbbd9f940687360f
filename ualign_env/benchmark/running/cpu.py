"""The CPU that processes take, whoever asks: an agent of its own, or the runner of an agent's."""

import sys
import time
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None


def own_cpu() -> float:
    """Returns the seconds of CPU of this process, and of processes that it has started and waited for."""
    seconds = time.process_time()
    if resource is not None:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds += children.ru_utime + children.ru_stime
    return seconds


def cpu_of(process: int) -> float | None:
    """Returns the seconds of CPU that a process has taken, None where nobody knows."""
    if sys.platform != "linux" or not process:
        return None
    with suppress(OSError):
        return time.clock_gettime((~process << 3) | 2)  # its clock, as clock_getcpuclockid(3) names it
    return None


def cpu_started_by(process: int) -> float:
    """Returns the seconds of CPU of the processes that a process has started, and those have, and that still live."""
    total = 0.0
    with suppress(OSError):
        for listed in Path(f"/proc/{process}/task").glob("*/children"):
            for child in map(int, listed.read_text(encoding="ascii").split()):
                total += (cpu_of(child) or 0.0) + cpu_started_by(child)
    return total
