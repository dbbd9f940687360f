"""Post-trains a tiny language model three times with TRL's GRPO: for the alignment game, as NLHF, and as RLHF.

Users disagree about nine answers to each of six prompts, texts of two letters. The same trainer meets the same judges,
and only the reward differs: to be picked among k + 1 = 5 completions, among 2, or the mean score. All answers are
known, and so is what a model says: it is scored exactly. With a real model, `judges` are reward models instead.

Run: pip install '.[llm]' && python examples/trl_grpo.py [curves.svg]
"""

import sys
import tempfile
import warnings

import numpy as np
import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

import ualign_env as ua
from ualign_agents.language import SMALL, Language
from ualign_env.llm import GRPO_SETTINGS, AlignmentReward, KnownResponses, cool_entropy

SCENARIO, K, GROUP, STEPS = "mallows/responses:9/phi:0.3;0.8/prompts:6", 4, 16, 1500


def train(language: Language, k: int | None) -> np.ndarray:
    """Returns what a model says that was trained to be picked among k + 1 completions, or for the mean score."""
    reward = AlignmentReward(KnownResponses(SCENARIO, prompts=language.prompts, tokens=language.responses), k)
    model = language.model(seed=0)
    with tempfile.TemporaryDirectory() as folder:
        settings = GRPOConfig(
            **GRPO_SETTINGS,
            **SMALL,
            output_dir=folder,
            max_steps=STEPS,
            learning_rate=3e-3,  # falls to 0
            num_generations=GROUP,
            per_device_train_batch_size=GROUP * len(language.prompts),  # every prompt in every batch ...
            shuffle_dataset=False,  # ... in turn
            max_completion_length=2,
            entropy_coef=0.1,
        )
        data = Dataset.from_dict({"prompt": language.prompts * 100})
        trainer = GRPOTrainer(model, reward, settings, data, processing_class=language.tokenizer)
        trainer.remove_callback(PrinterCallback)
        cool_entropy(trainer)
        trainer.train()
    return language.policy(model)


torch.set_num_threads(1)  # the model is small
warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)  # TRL's own
language = Language(ua.load_scenario(SCENARIO), length=2)
rewards = {"picked of 5": K, "picked of 2 (NLHF)": 1, "mean score (RLHF)": None}
learned = {}
for name, k in rewards.items():
    learned[name] = train(language, k)  # a minute each
    print(f"{name}: {ua.score(SCENARIO, learned[name], K)}\n", flush=True)
print("Robust win rates:")
print(ua.win_rate_curve(SCENARIO, [1, 2, 4, 8], policies=learned).summary())
if len(sys.argv) > 1:
    from ualign_env import plots

    plots.save(plots.curve(ua.win_rate_curve(SCENARIO, policies=learned)), sys.argv[1])
