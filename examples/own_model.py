"""Post-trains a language model of Hugging Face for the alignment game, by TRL's GRPO; reward models are its users.

PROMPTS.jsonl has a `prompt` a line, a text or messages. A JUDGE is a user: a sequence classifier with a single label;
any function will do instead. Samples of the model before and after are judged, compared, and kept.

Run: pip install '.[llm]' && python examples/own_model.py MODEL PROMPTS.jsonl JUDGE... [--k 4] [--out tuned]
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

import ualign_env as ua
from ualign_env.llm import GRPO_SETTINGS, AlignmentReward, RewardModels, cool_entropy

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, many in (("model", None), ("prompts", None), ("judges", "+")):
    parser.add_argument(name, nargs=many)
options = {"k": 4, "group": 16, "steps": 500, "learning-rate": 1e-6, "entropy": 0.01, "tokens": 256}
for name, default in options.items():
    parser.add_argument(f"--{name}", type=type(default), default=default, help="default: %(default)s")
parser.add_argument("--out", type=Path, default=Path("tuned"))
given = parser.parse_args()


def sampled(model, prompts, n):
    """Yields n completions of each prompt, as the trainer samples them, in the prompts' form."""
    how: dict[str, Any] = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    for prompt in prompts:
        chat = not isinstance(prompt, str)
        text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True) if chat else prompt
        tokens = tokenizer(text, return_tensors="pt", add_special_tokens=not chat).to(model.device)
        said = model.eval().generate(**tokens, **how, num_return_sequences=n, max_new_tokens=given.tokens)
        texts = tokenizer.batch_decode(said[:, tokens.input_ids.shape[1] :], skip_special_tokens=True)
        yield from ((prompt, [{"role": "assistant", "content": one}] if chat else one) for one in texts)


device: Any = "cuda" if torch.cuda.is_available() else "cpu"
tokenizer = AutoTokenizer.from_pretrained(given.model, padding_side="left")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
models = [AutoModelForSequenceClassification.from_pretrained(name, num_labels=1).to(device) for name in given.judges]
judges = RewardModels(models, [AutoTokenizer.from_pretrained(name) for name in given.judges])
model = AutoModelForCausalLM.from_pretrained(given.model).to(device)
data: Any = load_dataset("json", data_files=given.prompts, split="train")
settings = GRPOConfig(
    **GRPO_SETTINGS,
    output_dir=str(given.out),
    max_steps=given.steps,
    learning_rate=given.learning_rate,
    num_generations=given.group,
    per_device_train_batch_size=given.group,
    max_completion_length=given.tokens,
    entropy_coef=given.entropy,  # well below how much rewards differ; cool_entropy lets it fall
    bf16=device == "cuda",
)
prompts, n = list(data["prompt"]), 2 * given.k
said = list(sampled(model, prompts, n))
trainer = GRPOTrainer(model, AlignmentReward(judges, given.k), settings, data, processing_class=tokenizer)
cool_entropy(trainer)
trainer.train()
trainer.save_model(str(given.out))
said += sampled(model, prompts, n)
keys = [(model, x, i) for model in ("before", "after") for x in range(len(prompts)) for i in range(n)]
table = pd.DataFrame([{"model": model, "prompt": f"prompt {x}", "sample": i} for model, x, i in keys])
scores = zip(range(len(models)), judges(*zip(*said, strict=True)), strict=True)
judgements = pd.concat([table.assign(user=name, score=row) for name, row in scores])
generations = table.assign(text=[one if isinstance(one, str) else one[0]["content"] for _, one in said])
for name, one in {"generations": generations, "judgements": judgements}.items():
    one.to_csv(given.out / f"{name}.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
print("Against the worst of all samples:")
print(ua.evaluate_generations(ua.read_generations([generations, judgements]), (1, given.k), rng=0))
