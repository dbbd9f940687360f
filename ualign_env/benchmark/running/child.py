"""An agent's side of a run in a process of its own: it is given a task, and sends what it learns to be scored.

The process never holds what the agent's class may not see: it stems from one that has met no scenario, and is told of
hidden users how many responses they choose among, and where to ask them.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ualign_env.benchmark.agents import Agent
from ualign_env.benchmark.budget import Budget, Spent
from ualign_env.benchmark.oracle import RemoteUsers, UserOracle, sizes_of
from ualign_env.benchmark.running.learning import End, Verdict, learn
from ualign_env.benchmark.running.unseen import answers, scenario_of
from ualign_env.benchmark.running.warm_up import warm_up_everything
from ualign_env.benchmark.running.wire import packed, unpacked
from ualign_env.benchmark.tasks import Task
from ualign_env.policies.tables import PolicyTable
from ualign_env.specs import live

try:
    import resource
except ImportError:  # Windows
    resource = None

#: The exit status of a process that has run out of memory, and could not say so.
OUT_OF_MEMORY = 77


@dataclass(frozen=True)
class Assignment:
    """What a process is told of a run.

    Attributes:
        task: the task as the agent's class sees it; where users are hidden, without anybody who answers.
        budget: what may be spent.
        plays: how many plays are answered, None where users are not hidden.
        folder: for the mailbox and for what the agent prints.
        memory: megabytes that it may take, None: any number.
        held_out: whether there are prompts that are held out.
    """

    task: Task
    budget: Budget
    plays: int | None
    folder: Path
    memory: int | None
    held_out: bool

    @property
    def mailbox(self) -> Path:
        """Where users are asked."""
        return self.folder / "plays"

    @property
    def output(self) -> Path:
        """Where what the agent prints goes."""
        return self.folder / "output"


def run_agent(agent: Agent, assignment: Assignment, connection: Connection) -> None:
    """Lets an agent learn, and reports each look and the end."""
    connection.send_bytes(packed({"kind": "started", "pid": os.getpid()}))
    task, users = assignment.task, None
    if assignment.held_out:  # of which its spec would say where they are
        task = replace(task, scenario=live(task.scenario))
    if assignment.plays is not None:
        remote = RemoteUsers(assignment.mailbox, task.slots)
        users = UserOracle(remote, sizes_of(task.scenario), task.slots, assignment.plays)
    task = task.with_users(users)
    if users is None:
        for one in task.scenario.populations:
            warm_up_everything(one)

    def report(spent: Spent, table: PolicyTable) -> Verdict:
        connection.send_bytes(packed({"kind": "look", "spent": spent, "table": table}))
        reply = unpacked(connection.recv_bytes())
        return Verdict(bool(reply["go_on"]), float(reply["seconds"]))

    learned: list[Any] | None = [] if assignment.held_out else None
    with limited(assignment.memory):
        end = learn(agent, task, assignment.budget, report, learned)
    if learned:
        connection.send_bytes(packed({"kind": "learned"}))
        prompts = scenario_of(unpacked(connection.recv_bytes()))
        for look, given in answers(learned, prompts, task.k):
            connection.send_bytes(packed({"kind": "held-out", "look": look, "given": given}))
    connection.send_bytes(packed(ended(end)))


def ended(end: End) -> dict[str, Any]:
    """Returns the message of a run's end."""
    return {
        "kind": "end",
        "status": end.status,
        "error": end.error,
        "spent": end.spent,
        "longest_step": end.longest_step,
        "max_rss_mb": max_rss_mb(),
    }


def max_rss_mb() -> float | None:
    """Returns the most memory that this process has had, None where the system does not say."""
    if resource is None:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def memory_is_limited() -> bool:
    """Returns whether the memory of processes can be limited here."""
    return resource is not None and sys.platform == "linux"


@contextmanager
def limited(megabytes: int | None) -> Iterator[None]:
    """Limits how much memory may be taken on top of what there is; lifted afterwards, so that the end can be told."""
    if megabytes is None or resource is None or not memory_is_limited():
        yield
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def settle(path: Path) -> None:
    """Sends what the process prints to a file, and leaves it nothing to read."""
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def finish(code: int) -> None:
    """Ends the process at once: what an agent left running is not waited for."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def whole_run(agent: Agent, assignment: Assignment, connection: Connection) -> None:
    """Is all that a process does for a run, and ends it."""
    code = 1
    try:
        settle(assignment.output)
        run_agent(agent, assignment, connection)
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except (EOFError, BrokenPipeError, ConnectionError):
        code = 1  # nobody is left to tell
    except BaseException:
        traceback.print_exc()
    finally:
        finish(code)
