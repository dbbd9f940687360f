"""Torch modules as arrays: importing this module, which needs torch, teaches `tabulate` to read them.

Axes: P prompts, D numbers seen of a prompt, N responses.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ualign_env import _checks
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read, reads
from ualign_env.scenario import Scenario


@contextmanager
def evaluated(module: torch.nn.Module) -> Iterator[None]:
    """Puts a module, and all in it, into evaluation mode without gradients, and leaves it as it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


@reads
def _(policy: torch.nn.Module, scenario: Scenario, k: int) -> PolicyTable:
    """Reads a module from observations `[P, D]` to logits `[P, N]`; logits of illegal responses don't count."""
    with evaluated(policy):
        logits = policy(_like_parameters(policy, torch.as_tensor(scenario.observations.copy())))
    if not isinstance(logits, torch.Tensor):
        raise ValueError(f"the module answered with {type(logits).__name__}, but must answer with a tensor of logits")
    if not logits.is_floating_point():
        raise ValueError(f"the module answered with {logits.dtype}, but must answer with real logits")
    table = logits.cpu().double().numpy()
    if table.shape != scenario.legal.shape:
        expected = f"{scenario.legal.shape}: logits of {scenario.n_responses} responses to {scenario.n_prompts} prompts"
        raise ValueError(f"the module's answer has shape {table.shape}, but must have {expected}")
    answer, table = table, np.where(scenario.legal, table, -np.inf)
    if not (table.max(axis=1) > -np.inf).all() or not (table < np.inf).all():
        raise ValueError(f"the module's answer has rows without a finite greatest logit: {table.tolist()!s:.200}")
    chances = np.exp(table - table.max(axis=1, keepdims=True))
    tolerance = max(_checks.SUM_TOLERANCE, 4 * answer.shape[1] * torch.finfo(logits.dtype).eps)
    for given in (answer, np.where(scenario.legal, answer, 0)):
        if given.shape[1] == 1 or (given < 0).any() or not np.allclose(given.sum(axis=1), 1, rtol=0, atol=tolerance):
            continue
        raise ValueError(
            "the module's answer looks like probabilities, but is read as logits: leave out its last softmax, or take "
            "the logarithm"
        )
    return read(chances / chances.sum(axis=1, keepdims=True), scenario, k)


def _like_parameters(module: torch.nn.Module, seen: torch.Tensor) -> torch.Tensor:
    """Returns a tensor of the type, and on the device, of a module's parameters."""
    like = next((parameter for parameter in module.parameters() if parameter.is_floating_point()), seen)
    return seen.to(like)
