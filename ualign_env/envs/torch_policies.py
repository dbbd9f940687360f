"""Torch modules as arrays: importing this module, which needs torch, teaches `tabulate` to read them.

Axes: P prompts, D numbers seen of a prompt, N responses.
"""

import numpy as np
import torch

from ualign_env import _checks
from ualign_env.policies import Tabular, tabulate
from ualign_env.scenario import Scenario


@tabulate.register
def _(policy: torch.nn.Module, scenario: Scenario, k: int) -> Tabular:
    """Reads a module from observations `[P, D]` to logits `[P, N]`; logits of illegal responses don't count."""
    training = policy.training
    policy.eval()
    try:
        with torch.no_grad():
            logits = policy(torch.as_tensor(scenario.observations.copy(), device=_device(policy)))
    finally:
        policy.train(training)
    if not isinstance(logits, torch.Tensor):
        raise ValueError(f"the module answered with {type(logits).__name__}, but must answer with a tensor of logits")
    table = logits.double().cpu().numpy()
    if table.shape != scenario.legal.shape:
        expected = f"{scenario.legal.shape}: logits of {scenario.n_responses} responses to {scenario.n_prompts} prompts"
        raise ValueError(f"the module's answer has shape {table.shape}, but must have {expected}")
    table = np.where(scenario.legal, table, -np.inf)
    if not (table.max(axis=1) > -np.inf).all() or not (table < np.inf).all():
        raise ValueError(f"the module's answer has rows without a finite greatest logit: {table.tolist()!s:.200}")
    chances = np.exp(table - table.max(axis=1, keepdims=True))
    raw = np.where(scenario.legal, table, 0)
    if table.shape[1] > 1 and (raw >= 0).all() and np.allclose(raw.sum(axis=1), 1, rtol=0, atol=_checks.SUM_TOLERANCE):
        raise ValueError(
            "the module's answer looks like probabilities, but is read as logits: leave out its last softmax, or take "
            "the logarithm"
        )
    return tabulate(chances / chances.sum(axis=1, keepdims=True), scenario, k)


def _device(module: torch.nn.Module) -> torch.device:
    """Returns where a module's parameters are."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
