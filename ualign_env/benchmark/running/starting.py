"""How the runner starts agents' processes: by a nursery that forks them, and each anew where systems cannot fork."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from multiprocessing.context import AuthenticationError
from pathlib import Path
from typing import Any

from ualign_env.benchmark.running.nursery import ONE_CORE, serve


class Nursery:
    """A process that forks servers for agents; see `nursery`. Where systems cannot fork, each run is started anew."""

    def __init__(self) -> None:
        """Starts it; it is ready when it is first used."""
        self.forks = hasattr(os, "fork") and sys.platform != "darwin"  # whose frameworks do not survive it
        self.folder = Path(tempfile.mkdtemp(prefix="ualign-"))
        self._ready = False
        self._lock = threading.Lock()
        if not self.forks:
            return
        self._control, theirs = socket.socketpair()
        code = f"import sys; sys.path[:] = {sys.path!r}; from ualign_env.benchmark.running.nursery import main; main()"
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | ONE_CORE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()

    def server(self, place: str, folder: Path) -> tuple[Connection, subprocess.Popen[bytes] | None]:
        """Returns the connection to a new server of an agent, and its process where that is this one's child."""
        if not self.forks:
            return _spawned(place, folder)
        with self._lock:
            if not self._ready and self._control.recv(1) != b"!":
                raise RuntimeError("the process from which agents' processes come did not start; see its error above")
            self._ready = True
            ours, theirs = socket.socketpair()
            asked = json.dumps({"place": place, "folder": str(folder)}).encode()
            socket.send_fds(self._control, [asked], [theirs.fileno()])
            theirs.close()
        return Connection(ours.detach()), None

    def close(self) -> None:
        """Ends it, and every server with it."""
        if self.forks:
            self._control.close()
            self._process.terminate()  # it may still be importing; its servers notice that their runner is gone
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _spawned(place: str, folder: Path) -> tuple[Connection, subprocess.Popen[bytes]]:
    """Starts a process for one run, which connects to this one."""
    key = secrets.token_bytes(16)
    with Listener(None, authkey=key) as listener:
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from ualign_env.benchmark.running.starting import spawned; "
            f"spawned({listener.address!r}, {place!r}, {str(folder)!r})"
        )
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code], stdin=subprocess.PIPE, env=os.environ | ONE_CORE, start_new_session=True
        )
        assert process.stdin is not None  # noqa: S101
        threading.Thread(target=_call_when_gone, args=(process, listener.address), daemon=True).start()
        try:
            with process.stdin as keyhole:
                keyhole.write(key)
            connection = listener.accept()
        except (AuthenticationError, BrokenPipeError):
            process.wait()
            raise EOFError from None
    return connection, process  # pyright: ignore[reportReturnType]


def _call_when_gone(process: subprocess.Popen[bytes], address: Any) -> None:
    """Wakes whoever waits for a process that has ended."""
    process.wait()
    with suppress(OSError, EOFError, AuthenticationError):
        Client(address, authkey=b"gone").close()


def spawned(address: Any, place: str, folder: str) -> None:
    """Is what a process does that was started for one run."""
    connection = Client(address, authkey=sys.stdin.buffer.read())
    with suppress(EOFError, ConnectionError):
        serve(connection, place, Path(folder), forks=False)  # pyright: ignore[reportArgumentType]
