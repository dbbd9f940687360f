"""A language model among the agents: a small transformer, post-trained by TRL's GRPO on what users pick."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

import ualign_env as ua
from ualign_agents.language import SMALL, Language
from ualign_env.llm import GRPO_SETTINGS

_GROUP = 64  # completions of a prompt at a time, or a few more
_TABLES = 1024  # at which these are seated, of all prompts together
_STEPS = 10  # between two policies
_RATE = 3e-3  # of learning, at first; it falls as the inverse root of time
_BONUS = 0.1  # for entropy, at first; it falls as the inverse of time

torch.optim.Adam([torch.zeros(1)])  # imports much of torch: better now than while the clock runs


@ua.agent(information="picks")
def transformer(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """GRPO self-play of a small language model (TRL), the last iterate.

    A group of completions sits down at tables of k + 1, again and again; a completion's reward is how often users pick
    it there.

    Source: Shao et al., "DeepSeekMath", 2024, for GRPO.
    """
    users, language = task.users(), Language(task.scenario)
    number = {prompt: x for x, prompt in enumerate(language.prompts)}
    tables = -(-_GROUP // task.slots)  # that a group fills
    group, times = tables * task.slots, max(1, _TABLES // (tables * len(number)))
    rng = task.rng()

    def picked(prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        asked = np.array([number[prompt] for prompt in prompts])
        said = language.meaning[asked, np.array(completion_ids)[:, 0] - language.first_letter]
        groups = np.tile(np.arange(said.size).reshape(-1, group), (times, 1))
        seated = rng.permuted(groups, axis=1).reshape(-1, task.slots)
        picks = users.pick(said[seated], asked[seated[:, 0]])
        won = np.take_along_axis(seated, picks[:, None], axis=1)[:, 0]
        return (np.bincount(won, minlength=said.size) / times).tolist()

    model = language.model(task.seed % 2**31)
    optimiser = torch.optim.Adam((one for one in model.parameters() if one.requires_grad), _RATE)
    falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: (1 + step / _STEPS) ** -0.5)
    with tempfile.TemporaryDirectory() as folder:
        with _quiet():
            settings = GRPOConfig(
                **GRPO_SETTINGS,
                **SMALL,
                output_dir=folder,
                max_steps=_STEPS,
                num_generations=group,
                per_device_train_batch_size=group * len(number),
                max_completion_length=1,
                shuffle_dataset=False,
                entropy_coef=_BONUS,
                seed=task.seed % 2**31,
            )
            data = Dataset.from_dict({"prompt": language.prompts})
            trainer = GRPOTrainer(
                model, picked, settings, data, processing_class=language.tokenizer, optimizers=(optimiser, falling)
            )
            trainer.remove_callback(PrinterCallback)
        for i in count(1):
            trainer.entropy_coef = _BONUS / i
            with _quiet():
                trainer.train()
            yield ua.SharedPolicy(language.policy(model))


@contextmanager
def _quiet() -> Iterator[None]:
    """Computes on one thread, as the model is small, and drops what TRL says of its own use of `transformers`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
            yield
    finally:
        torch.set_num_threads(threads)
