"""The runner's side of runs in processes of their own: follows them, scores their looks, ends them at their limits."""

import os
import pickle
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ualign_env._checks import TooLargeError
from ualign_env.benchmark.budget import Spent
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.oracle import FOREVER, OracleServer
from ualign_env.benchmark.plan import Run
from ualign_env.benchmark.results import RunResult, Status
from ualign_env.benchmark.running.child import OUT_OF_MEMORY, Assignment, memory_is_limited
from ualign_env.benchmark.running.cpu import cpu_of, cpu_started_by
from ualign_env.benchmark.running.judge import Judge
from ualign_env.benchmark.running.learning import READING, End
from ualign_env.benchmark.running.starting import Nursery
from ualign_env.benchmark.running.unseen import message_of
from ualign_env.benchmark.running.wire import packed, spent_in, unpacked

_GLANCE = 0.1  # seconds between two looks at the limits
_TAIL = 4000  # characters of what was printed
_MOST_PRINTED = 2**28  # bytes
_PATIENCE = 10.0  # seconds, for a process to end that has nothing left to do
_CLOCK = 2.0  # seconds that a process may take beyond what its agent does


class Worker:
    """Makes one run after the other, in children of a server that it keeps as long as the agent is the same."""

    def __init__(self, nursery: Nursery, stop: threading.Event) -> None:
        """Makes a worker, which ends what it does when it is told to stop."""
        self._nursery, self._stop = nursery, stop
        self._folder = Path(tempfile.mkdtemp(dir=nursery.folder))
        self._place: str | None = None
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._server = 0
        self._unusable: End | None = None

    def run(self, run: Run) -> RunResult:
        """Makes a run, and returns what came of it, whatever that is."""
        judge = Judge(run)
        if judge.refusal:
            return judge.result(End("unsupported", judge.refusal, Spent()), enforced=True, limits=self._limits(run))
        self._attend(run.agent.place, run.limits.wall)
        if self._unusable is not None:
            return judge.result(self._unusable, enforced=True, limits=self._limits(run))
        end = _Attempt(self, run, judge).end()
        return judge.result(end, enforced=True, limits=self._limits(run))

    def _limits(self, run: Run) -> dict[str, float | None]:
        memory = run.limits.memory if memory_is_limited() else None
        cpu = run.limits.of_cpu(run.budget) if cpu_of(os.getpid()) is not None else None
        return {"wall": run.limits.wall, "cpu": cpu, "memory": memory}

    def _attend(self, place: str, patience: float) -> None:
        """Has a server of an agent, which is ready or has said why it never will be, in so many seconds."""
        if self._place == place and (self._connection is not None or self._unusable is not None):
            return
        self.close()
        self._place, self._unusable = place, None
        self.output.unlink(missing_ok=True)
        self._connection, self._process = self._nursery.server(place, self._folder)
        try:
            message = self._told(time.monotonic() + patience)
            self._server = int(message["pid"])
            message = self._told(time.monotonic() + patience)
        except TimeoutError:
            message = {"status": "timeout", "error": f"its import took more than {patience:g} seconds"}
        except (EOFError, ConnectionError):
            message = {"status": "failed", "error": f"its process ended while it was imported\n{self.printed()}"}
        if message.get("kind") != "ready":
            self.kill(0)
            status = message.get("status")
            known: Status = status if status in ("unsupported", "timeout") else "failed"
            self._place, self._unusable = place, End(known, str(message.get("error")), Spent())

    def _told(self, deadline: float) -> dict[str, Any]:
        """Returns the next message of a server that is getting ready."""
        while not self.connection.poll(_GLANCE):
            if self._stop.is_set():
                raise EOFError
            if time.monotonic() > deadline:
                raise TimeoutError
        return unpacked(self.connection.recv_bytes())

    @property
    def output(self) -> Path:
        """Where the agent prints to."""
        return self._folder / "output"

    def printed(self) -> str:
        """Returns the last lines of what the agent has printed."""
        with suppress(OSError), open(self.output, "rb") as file:
            file.seek(max(0, self.output.stat().st_size - _TAIL))
            return file.read().decode(errors="replace")
        return ""

    def prints_too_much(self) -> bool:
        """Returns whether the agent fills the disk."""
        with suppress(OSError):
            return self.output.stat().st_size > _MOST_PRINTED
        return False

    @property
    def folder(self) -> Path:
        """For the files of a run."""
        return self._folder

    @property
    def connection(self) -> Connection:
        """To the server, and during a run to its child."""
        assert self._connection is not None  # noqa: S101
        return self._connection

    @property
    def stopped(self) -> bool:
        """Whether the worker has been told to stop."""
        return self._stop.is_set()

    def kill(self, child: int) -> None:
        """Ends the server and a child at once, with whatever they have started."""
        for group in (child, self._server):
            if group:
                with suppress(ProcessLookupError, PermissionError, AttributeError):
                    os.killpg(group, signal.SIGKILL)
        if self._process is not None:
            self._process.kill()
        self.close()

    def exit_code(self) -> int | None:
        """Returns how the process of a run ended that was started for it alone."""
        if self._process is None:
            return None
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # it has closed its connection, and goes on
            self._process.kill()
            code = self._process.wait()
        self.close()
        return code

    def close(self) -> None:
        """Lets the server end."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.wait()
        self._connection = self._process = None
        self._server = 0
        self._place = self._unusable = None


class _Attempt:
    """One run of a worker."""

    def __init__(self, worker: Worker, run: Run, judge: Judge) -> None:
        self._worker, self._run, self._judge = worker, run, judge
        self._child = 0
        self._spent = Spent()
        self._scoring = self._before = 0.0
        self._begin = time.monotonic()

    def end(self) -> End:
        """Makes the run, and returns how it ended."""
        run, worker = self._run, self._worker
        task, hidden = run.task, CLASSES[run.agent.declared.information].hidden
        users: OracleServer | None = None
        plays = None
        if hidden:
            plays = int(run.budget.amount) if run.budget.unit == "plays" else FOREVER
            task = task.with_users(None)
        held_out = run.task.scenario.held_out is not None
        task = replace(task, scenario=task.scenario.learned_on()) if held_out else task
        assignment = Assignment(task, run.budget, plays, worker.folder, run.limits.memory, held_out)
        worker.output.unlink(missing_ok=True)
        if plays is not None:
            users = OracleServer(run.task.scenario, task.slots, task.seed, plays, assignment.mailbox)
        try:
            worker.connection.send_bytes(pickle.dumps(assignment))
            return self._followed(users)
        except (EOFError, ConnectionError, OSError):
            return self._lost()
        finally:
            if users is not None:
                users.close()

    def _followed(self, users: OracleServer | None) -> End:
        """Scores looks until the child has ended, or has to be."""
        worker, end = self._worker, None
        while True:
            while not worker.connection.poll(_GLANCE):
                reason = self._reason(users)
                if reason is not None:
                    self._until_now(users)
                    worker.kill(self._child)
                    return End(*reason, self._spent, output=worker.printed())
            message = unpacked(worker.connection.recv_bytes())
            kind = message.get("kind")
            if kind == "started":
                self._child, self._begin = int(message["pid"]), time.monotonic()
                self._before = cpu_of(self._child) or 0.0
            elif kind == "look" and end is None:
                reply = self._look(message, users)
                if isinstance(reply, End):
                    worker.kill(self._child)
                    return reply
                worker.connection.send_bytes(packed(reply))
            elif kind == "learned":
                held_out = self._run.task.scenario.held_out
                worker.connection.send_bytes(packed(message_of(held_out) if held_out else {}))
            elif kind == "held-out":
                try:
                    self._judge.unseen(int(message["look"]), message["given"])
                except (ValueError, KeyError) as error:
                    worker.kill(self._child)
                    return End("failed", f"what it sent of prompts held out is no policy: {error}", self._spent)
            elif kind == "end":
                end = self._judge.ended(self._ended(message, users))
                if not self._worker._nursery.forks:
                    worker.exit_code()
                    return end
            elif kind == "gone":
                self._spent = replace(self._spent, cpu=max(self._spent.cpu, float(message["cpu"])))
                return end or self._died(int(message["code"]))

    def _look(self, message: dict[str, Any], users: OracleServer | None) -> dict[str, Any] | End:
        begin = time.monotonic()
        try:
            self._spent = spent = self._counted(message, users)
            if (complaint := self._false_clock(spent)) is not None:
                return End("failed", complaint, spent)
            verdict = self._judge.look(spent, message["table"])
        except TooLargeError as error:
            return End("unsupported", str(error), self._spent)
        except (ValueError, KeyError) as error:
            return End("failed", f"what it sent is no policy: {error}", self._spent, output=self._worker.printed())
        self._scoring += time.monotonic() - begin
        budget = self._run.budget  # which processes that the agent has started spend, too
        return {"go_on": verdict.go_on and spent.of(budget.unit) < budget.amount, "seconds": verdict.seconds}

    def _false_clock(self, spent: Spent) -> str | None:
        """Returns what is wrong with the seconds that an agent's process counts itself, if anything is."""
        taken = cpu_of(self._child) if self._run.budget.unit == "seconds" else None
        beside = READING * self._run.budget.amount + _CLOCK
        if taken is None or taken - self._before < 2 * spent.cpu + beside:
            return None
        return (
            f"its own clock says {spent.cpu:.2f} seconds of CPU, but its process has taken {taken - self._before:.2f}"
        )

    def _counted(self, message: dict[str, Any], users: OracleServer | None) -> Spent:
        """Returns what a process says it has spent, and what those have that it started; plays as counted here."""
        told = spent_in(message)
        plays = told.plays if users is None else users.plays
        return replace(told, cpu=max(self._spent.cpu, told.cpu + cpu_started_by(self._child)), plays=plays)

    def _until_now(self, users: OracleServer | None) -> None:
        """Counts what was spent since the last look, by an agent that is to be ended."""
        told = self._spent
        cpu, wall = (cpu_of(self._child) or 0.0) - self._before, time.monotonic() - self._begin - self._scoring
        plays = told.plays if users is None else users.plays
        self._spent = Spent(max(told.cpu, cpu), max(told.wall, wall), told.steps, plays)

    def _ended(self, message: dict[str, Any], users: OracleServer | None) -> End:
        failed = message["status"] not in ("learned", "unsupported")
        rss, error = message["max_rss_mb"], message["error"]
        return End(
            message["status"],
            None if error is None else str(error),
            self._counted(message, users),
            float(message["longest_step"]),
            None if rss is None else float(rss),
            self._worker.printed() if failed else "",
        )

    def _reason(self, users: OracleServer | None) -> tuple[Any, str] | None:
        """Returns the status and error with which the run has to be ended now, None where it goes on."""
        limits = self._run.limits
        if self._worker.stopped:
            return "interrupted", "interrupted"
        if self._worker.prints_too_much():
            return "failed", f"it printed more than {_MOST_PRINTED >> 20} MB"
        if users is not None and users.error is not None:
            return "failed", f"the users did not answer: {users.error!r}"
        if time.monotonic() - self._begin - self._scoring > limits.wall:
            return "timeout", f"it took more than {limits.wall:g} seconds"
        most = limits.of_cpu(self._run.budget)
        if most is not None and (cpu_of(self._child) or 0.0) + cpu_started_by(self._child) > most:
            return "timeout", f"it took more than {most:g} seconds of CPU, of a budget of {self._run.budget}"
        return None

    def _lost(self) -> End:
        """Returns the end of a run whose process is gone."""
        code = self._worker.exit_code()
        printed = self._worker.printed()
        self._worker.kill(self._child)
        if code is not None:
            return self._died(code)
        return End("died", f"its process ended\n{printed}", self._spent, output=printed)

    def _died(self, code: int) -> End:
        printed = self._worker.printed()
        if code == OUT_OF_MEMORY:
            return End("out-of-memory", f"more than {self._run.limits.memory} MB", self._spent, output=printed)
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return End("died", f"its process was ended by {name}", self._spent, output=printed)
        return End("died", f"its process exited with status {code}", self._spent, output=printed)
