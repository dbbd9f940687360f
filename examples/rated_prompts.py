"""Ratings of answers to many prompts, with an embedding of each prompt: what is learned on some, scored on others.

Texts and ratings are made up here: annotators rate four styles of answer, what they like depends on what a prompt asks
for, and an embedding counts its words. With your own data, write a file with one rating a row and a column of
embeddings, whatever made them.

Run: python examples/rated_prompts.py
"""

import json
import tempfile
from itertools import islice, product
from pathlib import Path

import numpy as np

import ualign_env as ua
from ualign_agents.neighbours import nearest_neighbours, prompt_blind

STYLES = ("short", "thorough", "funny", "formal")
ASKED = {
    "explain": (0.0, 1.0, 0.0, 0.5),
    "list": (1.0, 0.0, 0.0, 0.2),
    "tell a story about": (0.0, 0.3, 1.0, 0.0),
    "draft a letter about": (0.3, 0.4, 0.0, 1.0),
}
ABOUT = ("taxes", "black holes", "my cat", "a divorce", "sourdough", "an insurance claim", "ghosts", "a marathon")
TONES = ("", " in plain words", " for my boss", " for children", " with examples", " before Friday")
K = 3

rng = np.random.default_rng(0)
texts = [f"{asked} {about}{tone}" for asked, about, tone in product(ASKED, ABOUT, TONES)]
words = sorted({word for text in texts for word in text.split()})
likes = {f"annotator {u}": rng.normal(0, 0.6, len(STYLES)) for u in range(30)}  # of each annotator's own

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "ratings.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for text in texts:
            wanted = np.array(next(want for asked, want in ASKED.items() if text.startswith(asked)))
            embedding = [text.split().count(word) for word in words]
            for name, own in likes.items():
                scores = wanted + own + rng.normal(0, 0.2, len(STYLES))
                for style, score in zip(STYLES, scores.round(2).tolist(), strict=True):
                    row = {"prompt": text, "user": name, "response": style, "score": score, "embedding": embedding}
                    out.write(json.dumps(row) + "\n")
    scenario = ua.load_scenario(f"{file}/features:embedding/train:0.75")

held_out = scenario.held_out or scenario
print(f"{scenario.n_prompts} prompts to learn on, {held_out.n_prompts} held out, {scenario.n_features} features")
task = ua.Task(scenario, K).for_agents("exact")
for agent, steps in ((prompt_blind, 300), (nearest_neighbours, 1)):
    policy = list(islice(agent(task), steps))[-1]
    rates = [ua.robust_win_rate(part, policy, K) for part in (scenario, held_out)]
    print(f"{agent.__name__.replace('_', ' '):20} train {rates[0]:.4f}, held out {rates[1]:.4f} of {K / (K + 1):.4f}")
