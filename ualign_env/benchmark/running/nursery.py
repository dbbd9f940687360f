"""Where agents' processes come from: a nursery that has everything imported, a server an agent, a child a run.

The nursery is a fresh interpreter that imports the package, compiles its loops, and meets no scenario. It forks a
server for an agent, which imports the agent's module, and forks a child for each run, one at a time. So imports are
paid once, what a module does wrong while it is imported concerns its agent alone, and a child starts in milliseconds
with everything in memory that it may know. Whatever the runner's fate, its end of the connection closes with it, and
servers and children end.
"""

import gc
import json
import os
import pickle
import select
import signal
import socket
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from ualign_env.benchmark.agents import Agent, MissingExtraError, load_agent
from ualign_env.benchmark.running.child import Assignment, settle, whole_run
from ualign_env.benchmark.running.warm_up import warm_up_everything
from ualign_env.benchmark.running.wire import packed
from ualign_env.users import Population

#: One core a run: libraries that start threads of their own would make runs depend on their number.
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def main() -> NoReturn:
    """Forks a server for each agent that is asked for, until nobody is left to ask: the nursery's whole life."""
    control = socket.socket(fileno=int(sys.argv[1]))
    warm_up_everything(Population.from_rankings([[0, 1], [1, 0]]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides what an interruption means
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # servers that have ended are gone
    gc.collect()
    gc.freeze()
    with suppress(OSError):  # the runner may be gone by now
        control.sendall(b"!")
    while True:
        try:
            data, handles, _, _ = socket.recv_fds(control, 2**16, 1)
        except OSError:
            data, handles = b"", []
        if not data:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            _serve_in_child(Connection(handles[0]), json.loads(data))
        os.close(handles[0])


def _serve_in_child(connection: Connection, asked: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        serve(connection, asked["place"], Path(asked["folder"]), forks=True)
        code = 0
    except (EOFError, ConnectionError):
        code = 0
    finally:
        os._exit(code)


def serve(connection: Connection, place: str, folder: Path, *, forks: bool) -> None:
    """Imports an agent, and lets it make one run after the other.

    Args:
        connection: to the runner.
        place: of the agent.
        folder: for what it prints on import.
        forks: whether runs have processes of their own; otherwise this process makes one run, and ends.
    """
    settle(folder / "output")
    connection.send_bytes(packed({"kind": "importing", "pid": os.getpid()}))
    try:
        agent = load_agent(place)
    except BaseException as error:
        status = "unsupported" if isinstance(error, MissingExtraError) else "failed"
        connection.send_bytes(packed({"kind": "unusable", "status": status, "error": str(error) or repr(error)}))
        return
    gc.collect()
    gc.freeze()
    connection.send_bytes(packed({"kind": "ready"}))
    while True:
        assignment = pickle.loads(connection.recv_bytes())  # noqa: S301  # of the runner
        if not forks:
            whole_run(agent, assignment, connection)
        code, cpu = _forked(agent, assignment, connection)
        connection.send_bytes(packed({"kind": "gone", "code": code, "cpu": cpu}))


def _forked(agent: Agent, assignment: Assignment, connection: Connection) -> tuple[int, float]:
    """Makes a run in a child, and returns its exit status, a signal's number negative, and its seconds of CPU."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # something to wake up for
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        whole_run(agent, assignment, connection)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    poll.register(connection.fileno(), 0)  # only whether the runner is gone: what it sends is the child's
    try:
        while True:
            gone, status, usage = os.wait4(child, os.WNOHANG)
            if gone:
                return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
            if any(handle != reader for handle, _ in poll.poll()):
                raise EOFError
            with suppress(BlockingIOError):
                os.read(reader, 64)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # and whatever it has started
        signal.set_wakeup_fd(-1)
        os.close(reader)
        os.close(writer)
