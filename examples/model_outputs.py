"""Outputs of models, rated by a judge: which mix of models answers best where k answers are shown?

Here prompts are the users, for each of them likes one model's answer best, and models are the responses. With several
judges who rate the same answers, judges are the users: `read_ratings(table, prompt="prompt", user="judge",
response="model")`.
"""

import ualign_env as ua

RATINGS = {
    "haiku": {"small": 7, "large": 9, "poet": 9.5},
    "proof": {"small": 3, "large": 8, "poet": 2},
    "recipe": {"small": 8, "large": 8, "poet": 6},
    "regex": {"small": 9, "large": 7, "poet": 1},
    "toast": {"small": 5, "large": 6, "poet": 9},
    "summary": {"small": 8.5, "large": 8, "poet": 4},
}
table = {
    "prompt": [prompt for prompt, scores in RATINGS.items() for _ in scores],
    "model": [model for scores in RATINGS.values() for model in scores],
    "score": [score for scores in RATINGS.values() for score in scores.values()],
}

# scores of a prompt that differ by less than half a point say nothing
models = ua.read_ratings(table, prompt="", user="prompt", response="model", tie_width=0.5)
names = models.populations[0].responses
for k in (1, 2, 4):
    mix = ua.solve(models, k).policy[0]
    shares = ", ".join(f"{name} {share:.2f}" for name, share in zip(names, mix, strict=True))
    always = ua.robust_win_rate(models, [0, 1, 0], k)  # k answers of the large model alone
    print(f"k = {k}: {shares}: {ua.robust_win_rate(models, mix, k):.3f}; the large model alone: {always:.3f}")
