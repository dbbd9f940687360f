"""GRPO on scenarios of several prompts: how near it comes to k/(k+1), and what its settings do.

A transformer of one layer says one of nine responses, texts of two letters, to each of six prompts, k = 4, so that the
optimum is 0.8. Prints a row of Markdown a run: robust win rates at k = 1, 2, 4 and 8, seconds, and the last value of
the warning sign `left_behind`.

Run: python tests/benchmarks/grpo_settings.py [fresh | settings] [--steps 2000] [--seeds 0 1 2] [--only TEXT]
"""

import argparse
import logging
import tempfile
import time
import warnings
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

import ualign_env as ua
from ualign_agents.language import SMALL, Language
from ualign_env.llm import GRPO_SETTINGS, AlignmentReward, KnownResponses, cool_entropy

K, SIZES = 4, (1, 2, 4, 8)
FRESH = (
    "euclidean/responses:9/users:80/prompts:6/seed:11",
    "mallows/responses:9/phi:0.5;0.7/prompts:6/seed:12",
    "impartial/responses:9/users:40/prompts:6/seed:13",
)
TUNED = "mallows/responses:9/phi:0.6/prompts:6/seed:7"
#: What each row of the comparison changes.
CHANGES: dict[str, dict[str, Any]] = {
    "as documented": {},
    "no bonus for entropy": {"entropy_coef": 0.0},
    "bonus 0.003 throughout": {"entropy_coef": 0.003, "to": 0.003},
    "bonus 0.03 throughout": {"entropy_coef": 0.03, "to": 0.03},
    "bonus falls from the first step": {"hold": 0.0},
    "bonus falls from 0.03": {"entropy_coef": 0.03},
    "learning rate 3e-4": {"learning_rate": 3e-4},
    "learning rate 1e-3": {"learning_rate": 1e-3},
    "learning rate 1e-2": {"learning_rate": 1e-2},
    "groups of 8": {"num_generations": 8},
    "groups of 32": {"num_generations": 32},
    "half as many steps": {"share_of_steps": 0.5},
    'scale_rewards="group"': {"scale_rewards": "group"},
    'scale_rewards="batch"': {"scale_rewards": "batch"},
    'scale_rewards="group", bonus from 2.5 to 0.075': {"scale_rewards": "group", "entropy_coef": 2.5, "to": 0.075},
    "beta 0.05": {"beta": 0.05},
    "beta 0.05, no bonus": {"beta": 0.05, "entropy_coef": 0.0},
    "prompts shuffled": {"shuffle_dataset": True},
    "starts at half favourites, no bonus": {"favourites": 0.5, "entropy_coef": 0.0},
    "starts at half favourites, learning rate 5e-4, bonus 0.003": {
        "favourites": 0.5,
        "entropy_coef": 0.003,
        "to": 0.003,
        "learning_rate": 5e-4,
    },
    "NLHF: k = 1": {"k": 1},
    "RLHF: the mean score": {"k": None},
}


def warmed_up(language: Language, model: torch.nn.Module, share: float) -> None:
    """Fine-tunes a model on users' favourites for a share of its answers, and on any response for the others."""
    favourites = np.array([users.favourites() for users in language.scenario.populations])
    wanted = torch.tensor(share * favourites + (1 - share) / favourites.shape[1], dtype=torch.float32)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        (-(wanted * language.log_chances(model)).sum(1).mean()).backward()
        optimiser.step()


def train(spec: str, seed: int, steps: int, changes: dict[str, Any]) -> tuple[list[float], float, float]:
    """Returns robust win rates of what is learned, seconds, and the warning sign."""
    scenario, own = ua.load_scenario(spec), dict(changes)
    language = Language(scenario, length=2)
    model: Any = language.model(seed)
    if "favourites" in own:
        warmed_up(language, model, own.pop("favourites"))
    reward = AlignmentReward(
        KnownResponses(scenario, prompts=language.prompts, tokens=language.responses), own.pop("k", K)
    )
    to, hold, steps = own.pop("to", 0.003), own.pop("hold", 0.3), int(steps * own.pop("share_of_steps", 1))
    with tempfile.TemporaryDirectory() as folder:
        given = {
            **GRPO_SETTINGS,
            **SMALL,
            "output_dir": folder,
            "entropy_coef": 0.1,
            "learning_rate": 3e-3,
            "num_generations": 16,
            "max_completion_length": 2,
            "shuffle_dataset": False,
            "seed": seed,
            "logging_strategy": "steps",
            "logging_steps": 50,
            **own,
            "max_steps": steps,
        }
        given["per_device_train_batch_size"] = given["num_generations"] * scenario.n_prompts
        if given["beta"]:  # the reference is loaded from where the model was saved
            model.save_pretrained(folder)
            model.config._name_or_path = folder
        data = Dataset.from_dict({"prompt": language.prompts * 100})
        trainer = GRPOTrainer(model, reward, GRPOConfig(**given), data, processing_class=language.tokenizer)
        if given["beta"]:
            reference: Any = trainer.ref_model
            reference.lm_head.bias = model.lm_head.bias  # which files of this architecture don't hold
        if given["entropy_coef"]:
            cool_entropy(trainer, to, hold=hold)
        trainer.remove_callback(PrinterCallback)
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
    signs = [one["left_behind"] for one in trainer.state.log_history if "left_behind" in one]
    policy = language.policy(model)
    return [float(ua.robust_win_rate(scenario, policy, k)) for k in SIZES], seconds, signs[-1] if signs else np.nan


def main() -> None:
    """Runs what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fresh", "settings"], nargs="?", default="fresh")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    rows = [(spec, {}) for spec in FRESH] if options.what == "fresh" else [(TUNED, one) for one in CHANGES.values()]
    names = FRESH if options.what == "fresh" else tuple(CHANGES)
    print("| | seed | k = 1 | 2 | 4 | 8 | left_behind | seconds |\n|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, (spec, changes) in zip(names, rows, strict=True):
        for seed in options.seeds if options.only in name else ():
            rates, seconds, sign = train(spec, seed, options.steps, changes)
            shown = " | ".join(f"{rate:.4f}" for rate in rates)
            print(f"| {name} | {seed} | {shown} | {sign:.4f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
