"""How TRL's trainers are set so that they play the game, and an entropy bonus that fades as they learn it.

Source: Huang et al., TRL, https://huggingface.co/docs/trl, for what the settings do.
"""

from typing import Any

from ualign_env import _checks

_GAME = {
    "beta": 0.0,  # no penalty for leaving the model that training starts from
    # completions are drawn from the policy itself, in training and in evaluation, and are used once
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "num_iterations": 1,
}

GRPO_SETTINGS: dict[str, Any] = {"scale_rewards": "none", "loss_type": "dapo", **_GAME}
"""For `GRPOConfig`: the gradient of self-play, unscaled, all tokens counting alike. `num_generations` must exceed k."""

RLOO_SETTINGS: dict[str, Any] = {"normalize_advantages": False, **_GAME}
"""The same for `RLOOConfig`, whose own defaults are beta 0.05 and groups of 2."""


def cool_entropy(trainer: Any, to: float = 0.003, *, hold: float = 0.3) -> None:
    """Lets a trainer's bonus for entropy fade: at first all responses stay alive, in the end users alone decide.

    The bonus is the `entropy_coef` of the trainer's settings for the first part of the training, and then falls
    geometrically, to be `to` in the last step. With several prompts, responses that some users would pick are otherwise
    lost early by chance, and are hardly ever drawn again. On small models that know nothing at first, 0.1 is a good
    start; a bonus that outweighs differences of rewards, all below 1, makes a pretrained model say anything at all.

    Args:
        trainer: a `GRPOTrainer`, before it is trained; its settings must have an `entropy_coef` above 0.
        to: the bonus in the end, above 0.
        hold: the share of the training before it begins to fall, from 0 to below 1.

    Raises:
        ValueError: if the trainer has no bonus, adapts it by itself, it would rise, or a number is out of range.
    """
    from transformers import TrainerCallback

    start = getattr(trainer.args, "entropy_coef", None)
    if start is None:
        raise ValueError(f"a {type(trainer).__name__} has no bonus for entropy: GRPOTrainer has one")
    if not 0 < start < float("inf"):
        raise ValueError(f"entropy_coef is {start}, but must be positive from the start: GRPOConfig(entropy_coef=0.1)")
    if getattr(trainer.args, "use_adaptive_entropy", False):
        raise ValueError("use_adaptive_entropy already sets the bonus: one of the two")
    end, held = _checks.positive("to", to), _checks.real("hold", hold, 0, 1)
    if end > start:
        raise ValueError(f"to is {end:g}, but the bonus begins at {start:g}, and must not rise")
    if held >= 1:
        raise ValueError(f"hold is {hold}, but must be below 1: the bonus falls in what is left")

    class Cooling(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            fallen = max(0.0, state.global_step / max(1, state.max_steps - 1) - held) / (1 - held)
            trainer.entropy_coef = start * (end / start) ** fallen

    trainer.add_callback(Cooling())
