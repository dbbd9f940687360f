"""The command line: `commands` says what each command does, `tables` how it is printed, `output` where."""

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ualign_env.cli.output import emit, note

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Runs the command line; bad input is one line on stderr and exit status 2, and so is each warning."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's own may be missing here, and nothing is shown in windows
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names may hold what the terminal's encoding has not
    with warnings.catch_warnings(), _interruptions() as received:
        warnings.showwarning = lambda message, *_: note(f"ualign: warning: {message}")
        status = _run()
        if received:
            note("ualign: interrupted")
            status = 128 + received[-1]
    sys.exit(_flushed(status))


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Turns SIGINT and SIGTERM into a KeyboardInterrupt, and yields those that came."""
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def application() -> "typer.Typer":
    """Returns the application with all its commands."""
    import ualign_env.cli.bench
    import ualign_env.cli.commands
    import ualign_env.cli.evaluate
    import ualign_env.cli.export  # noqa: F401  # which add themselves
    from ualign_env.cli.app import app

    return app


def _run() -> int:
    """Returns the exit status of the command that was asked for."""
    try:
        return application()(standalone_mode=False) or 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (ValueError, MemoryError, OverflowError) as error:
        return _failed(str(error) or type(error).__name__)
    except OSError as error:  # of the output: errors of files that are read and written are ValueErrors with their path
        return _not_written(error)
    except Exception as error:
        if type(error).__name__ == "Abort":  # how some versions of click pass an interruption on
            return 128 + signal.SIGINT
        message = getattr(error, "format_message", None)  # of wrong options and arguments
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            emit(message())
            return 2
        return _failed(message())


def _failed(message: str) -> int:
    text = " ".join(message.split())
    note(f"ualign: error: {text if len(text) < 1000 else f'{text[:1000]}...'}")
    return 2


def _flushed(status: int) -> int:
    """Returns the exit status once all output has been written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return status or _not_written(error)
    return status


def _not_written(error: OSError) -> int:
    """Says that the output cannot be written, unless its reader has simply seen enough."""
    if not isinstance(error, BrokenPipeError):
        note(f"ualign: error: cannot write the output: {error.strerror}")
    # the interpreter would try once more when it ends
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
