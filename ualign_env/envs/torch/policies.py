"""Torch modules and tensors as arrays: importing this module, which needs torch, teaches `tabulate` to read them.

Axes: P prompts, D numbers seen of a prompt, N responses.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ualign_env import _checks
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read, reads, takes_responses
from ualign_env.scenario import Scenario

_CALLABLE = """
pass a callable from one observation to probabilities instead, such as
    lambda seen: net(torch.as_tensor(seen)[None]).softmax(-1)[0].detach().numpy()"""


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
    seen = _like_parameters(policy, torch.as_tensor(scenario.observations.copy()))
    responses = scenario.response_features.astype(np.float32)
    both = takes_responses(policy.forward, scenario)
    with evaluated(policy):
        try:
            logits = (
                policy(seen, _like_parameters(policy, torch.as_tensor(responses))) if both else _answer_of(policy)(seen)
            )
        except Exception as error:  # whatever a foreign module raises that expects something else
            raise ValueError(
                f"{type(policy).__name__} is no module from observations {list(seen.shape)} to logits of "
                f"{scenario.n_responses} responses ({type(error).__name__}: {error!s:.200}); {_CALLABLE.strip()}"
            ) from error
    if not isinstance(logits, torch.Tensor):
        raise ValueError(
            f"the module answered with {type(logits).__name__}, but must answer with a tensor of logits; "
            f"{_CALLABLE.strip()}"
        )
    if not logits.is_floating_point():
        raise ValueError(f"the module answered with {logits.dtype}, but must answer with real logits")
    table = logits.detach().cpu().double().numpy()
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


def _answer_of(module: Any) -> Callable[[torch.Tensor], Any]:
    """Returns how to ask a module for logits, in the form that its library has it."""
    if hasattr(module, "forward_inference"):  # RLlib's RLModule
        return lambda seen: module.forward_inference({"obs": seen})["action_dist_inputs"]
    if hasattr(module, "in_keys") and hasattr(module, "out_keys"):  # TensorDictModule
        return lambda seen: _tensordict_answer(module, seen)
    actor = getattr(module, "actor", None)  # of agents with a critic beside it, as in CleanRL or Tianshou
    return _first(actor) if isinstance(actor, torch.nn.Module) else module


def _tensordict_answer(module: Any, seen: torch.Tensor) -> torch.Tensor:
    from tensordict import TensorDict

    answered = module(TensorDict(dict.fromkeys(module.in_keys, seen), batch_size=seen.shape[:1]))
    return answered["logits"]


def _first(actor: Callable[[torch.Tensor], Any]) -> Callable[[torch.Tensor], Any]:
    """Returns an actor without the hidden state that some return beside the logits."""

    def logits(seen: torch.Tensor) -> Any:
        answer = actor(seen)
        return answer[0] if isinstance(answer, tuple) else answer

    return logits


def _like_parameters(module: torch.nn.Module, seen: torch.Tensor) -> torch.Tensor:
    """Returns a tensor of the type, and on the device, of a module's parameters."""
    like = next((parameter for parameter in module.parameters() if parameter.is_floating_point()), seen)
    return seen.to(like)
