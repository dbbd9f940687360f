"""Agents that learn for a number of steps, so that what they reach does not depend on how busy the machine is."""

from itertools import islice
from typing import Any

import pytest

from ualign_env.benchmark.agents import Agent, load_agent
from ualign_env.benchmark.runner import RunResult, run
from ualign_env.benchmark.tasks import Task

AMPLE = 3600.0  # seconds: a budget that never ends a run
EXTRAS = {"ppo": "sb3_contrib"}  # a module that each agent's extra brings


def installed(name: str) -> Agent:
    """Returns an agent; skips the test where the extra that it needs is not installed."""
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    return load_agent(name)


def learn(name: str, task: Task, steps: int) -> RunResult:
    """Lets an agent learn through the benchmark's runner for at most a number of its steps."""
    agent = installed(name)

    def some_steps(task: Task) -> Any:
        return islice(agent(task), steps)

    return run(some_steps, task, AMPLE, name=name)
