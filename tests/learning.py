"""Agents that learn for a number of steps, so that what they reach does not depend on how busy the machine is."""

import pytest

import ualign_env as ua
from ualign_env.benchmark.agents import Agent, load_agent

EXTRAS = {  # a module that each agent's extra brings
    "ppo": "sb3_contrib",
    "nfsp": "tree",
    "deep-cfr": "tree",
    "transformer": "trl",
    "distillation": "torch",
    "exploitability-descent": "torch",
    "network-policy-gradient": "torch",
}


def installed(name: str) -> Agent:
    """Returns an agent; skips the test where the extra that it needs is not installed."""
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    return load_agent(name)


def learn(name: str, task: ua.Task, steps: int) -> ua.RunResult:
    """Lets an agent learn in this process for at most a number of its steps."""
    installed(name)
    return ua.run(name, task, steps=steps)
