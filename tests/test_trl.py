"""TRL's trainers, as they are, with the reward: they find equilibria, in several processes too."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ualign_env import (
    deviation_payoffs,
    exploitability,
    group_rewards,
    load_scenario,
    read_generations,
    robust_win_rate,
    solve,
)
from ualign_env.llm import GRPO_SETTINGS, RLOO_SETTINGS, AlignmentReward, KnownResponses, RewardModels, cool_entropy

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from datasets import Dataset  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from tokenizers.models import WordLevel  # noqa: E402
from tokenizers.pre_tokenizers import WhitespaceSplit  # noqa: E402
from transformers import (  # noqa: E402
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)
from trl.trainer.grpo_config import GRPOConfig  # noqa: E402
from trl.trainer.grpo_trainer import GRPOTrainer  # noqa: E402
from trl.trainer.rloo_config import RLOOConfig  # noqa: E402
from trl.trainer.rloo_trainer import RLOOTrainer  # noqa: E402

from ualign_agents.language import SMALL, Language  # noqa: E402

# TRL says it of what it does itself
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")


def tuned(language, model, k, folder, trainer: Any = GRPOTrainer, config: Any = GRPOConfig, cooled=False, **settings):
    """Returns a trainer that has trained a model with the reward."""
    judges = KnownResponses(language.scenario, prompts=language.prompts, tokens=language.responses)
    given = SMALL | (RLOO_SETTINGS if config is RLOOConfig else GRPO_SETTINGS)
    given |= {"output_dir": str(folder), "max_completion_length": 1, "num_generations": 32, "seed": 0}
    given |= {"per_device_train_batch_size": 32, "max_steps": 150, "learning_rate": 1e-2} | settings
    data = Dataset.from_dict({"prompt": language.prompts * 200})
    tuner = trainer(model, AlignmentReward(judges, k), config(**given), data, processing_class=language.tokenizer)
    if cooled:
        cool_entropy(tuner)
    torch.set_num_threads(1)
    tuner.train()
    return tuner


def trained(scenario, k, folder, *more, **settings):
    """Returns the policy that a trainer has learned with the reward, and the trainer."""
    language = Language(scenario)
    tuner = tuned(language, language.model(0), k, folder, *more, **settings)
    return language.policy(tuner.model), tuner


def test_grpo_walks_to_the_equilibrium_and_nlhf_to_its_own(tmp_path):
    scenario = load_scenario("german-goals")
    policy, _ = trained(scenario, 3, tmp_path)
    assert exploitability(scenario, policy, 3) < 0.01
    policy, _ = trained(scenario, 1, tmp_path)
    assert 0.5 < robust_win_rate(scenario, policy, 3) < 0.56


def test_rloo_does_too(tmp_path):
    scenario = load_scenario("german-goals")
    policy, tuner = trained(scenario, 3, tmp_path, RLOOTrainer, RLOOConfig)
    assert exploitability(scenario, policy, 3) < 0.01
    assert "picked_of_4" in tuner.reward_func_names


def gradient_and_step(folder, hooked=False):
    """Returns the game's own gradient, and the step that a trainer takes, at one policy."""
    scenario, k = load_scenario("mallows/responses:9/phi:0.6/prompts:2"), 3
    language = Language(scenario, length=2)
    model: Any = language.model(0)
    if hooked:  # the same policy, by a mask that the trainer does not see
        mask = model.lm_head.bias
        model.lm_head.bias = None
        model.lm_head.register_forward_hook(lambda _module, _given, logits: logits + mask)
    chances = language.log_chances(model)
    payoffs = torch.tensor(np.array(deviation_payoffs(scenario, language.policy(model), k)), dtype=torch.float32)
    values = (chances.exp().detach() * (payoffs - 1 / (k + 1)) * chances).sum(1)
    (-values.mean() / 2).backward()  # a trainer averages over the two tokens
    learned = [one for one in model.parameters() if one.requires_grad]
    exact = torch.cat([one.grad.flatten() for one in learned])
    model.zero_grad()
    before = torch.cat([one.detach().flatten() for one in learned])
    tuned(
        language,
        model,
        k,
        folder,
        max_completion_length=2,
        num_generations=2048,
        per_device_train_batch_size=4096,
        max_steps=1,
        learning_rate=1.0,
        lr_scheduler_type="constant",
        optim="sgd",
        max_grad_norm=1e9,
        shuffle_dataset=False,
    )
    return exact, before - torch.cat([one.detach().flatten() for one in learned])


def test_a_step_of_the_trainer_is_the_gradient_of_the_game(tmp_path):
    exact, step = gradient_and_step(tmp_path)
    assert torch.cosine_similarity(exact, step, dim=0) > 0.99
    assert float(step.norm()) == pytest.approx(float(exact.norm()), rel=0.1)


def test_a_mask_that_trainers_do_not_see_leads_elsewhere(tmp_path):
    """TRL takes weight and bias of the last layer, and not what is done to its logits afterwards."""
    exact, step = gradient_and_step(tmp_path, hooked=True)
    assert torch.cosine_similarity(exact, step, dim=0) < 0.98


def test_metrics_are_logged(tmp_path):
    _, tuner = trained(
        load_scenario("german-goals"), 3, tmp_path, max_steps=12, logging_strategy="steps", logging_steps=1
    )
    logged = [one for one in tuner.state.log_history if "reward" in one]
    assert len(logged) == 12
    for one in logged:
        assert one["reward"] == pytest.approx(1 / 4)
        assert {"effective_picks", "judged_in_part"} <= set(one)
    assert 0 <= logged[-1]["left_behind"] < 0.2


def test_the_bonus_for_entropy_fades(tmp_path):
    language = Language(load_scenario("german-goals"))
    reward = AlignmentReward(KnownResponses("german-goals", tokens=language.responses, prompts=language.prompts), 3)
    given: Any = {**SMALL, **GRPO_SETTINGS, "output_dir": str(tmp_path), "max_steps": 10, "num_generations": 8}
    given |= {"per_device_train_batch_size": 8, "max_completion_length": 1, "entropy_coef": 0.1}
    data = Dataset.from_dict({"prompt": language.prompts * 50})

    def trainer(**settings):
        config = GRPOConfig(**given | settings)
        return GRPOTrainer(language.model(0), reward, config, data, processing_class=language.tokenizer)

    tuner = trainer(logging_strategy="steps", logging_steps=1)
    cool_entropy(tuner, 0.001, hold=0.5)
    tuner.train()
    seen = [one["entropy_coef"] for one in tuner.state.log_history if "entropy_coef" in one]
    np.testing.assert_allclose(seen[:5], 0.1)
    np.testing.assert_allclose(seen[5:], [0.1 * 0.01 ** (i / 9) for i in (1, 3, 5, 7, 9)])
    for none in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"entropy_coef is {none}, but must be positive from the start"):
            cool_entropy(trainer(entropy_coef=none))
    with pytest.raises(ValueError, match=r"to is 0.2, but the bonus begins at 0.1, and must not rise"):
        cool_entropy(tuner, 0.2)
    with pytest.raises(ValueError, match="a SimpleNamespace has no bonus for entropy"):
        cool_entropy(SimpleNamespace(args=SimpleNamespace()))
    with pytest.raises(ValueError, match="use_adaptive_entropy already sets the bonus"):
        cool_entropy(trainer(use_adaptive_entropy=True, entropy_target=1.0))
    for wrong in ({"to": 0.0}, {"hold": 1.0}, {"hold": -0.1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
            cool_entropy(tuner, **wrong)


@pytest.mark.parametrize(("bonus", "reached"), [(0.1, True), (0.0, False)])
def test_several_prompts_need_a_bonus_that_fades(tmp_path, bonus, reached):
    """Without one, responses that some users would pick die early, and a warning sign stays."""
    language = Language(load_scenario("mallows/responses:9/phi:0.6/prompts:3/seed:7"), length=2)
    size = 16 * len(language.prompts)
    settings = {"num_generations": 16, "per_device_train_batch_size": size, "max_completion_length": 2}
    settings |= {"max_steps": 800, "learning_rate": 3e-3, "entropy_coef": bonus}
    settings |= {"logging_strategy": "steps", "logging_steps": 100}
    model = language.model(0)
    tuner = tuned(language, model, 4, tmp_path, cooled=bonus > 0, **settings)
    rate = robust_win_rate(language.scenario, language.policy(model), 4)
    left = next(one["left_behind"] for one in reversed(tuner.state.log_history) if "left_behind" in one)
    assert (rate > 0.785) == (left < 0.02) == reached, (rate, left)


def test_too_few_generations_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"k is 4, but there are only 4 completions in a row .* set num_generations"):
        trained(load_scenario("german-goals"), 4, tmp_path, num_generations=4, per_device_train_batch_size=4)


PART = """
import json, sys
from accelerate import PartialState
state = PartialState(cpu=True)
assert state.num_processes == 2
from ualign_env.llm import AlignmentReward
prompts, texts = json.loads(sys.argv[1])
own = slice(6 * state.process_index, 6 * state.process_index + 6)
judges = lambda _, completions: [[float(text) for text in completions], [-float(text) for text in completions]]
reward = AlignmentReward(judges, 2)
print(json.dumps(reward(prompts[own], texts[own])))
state.wait_for_everyone()
state.destroy_process_group()  # else threads of the library may abort the interpreter as it ends
"""


def in_two_processes(script, *given):
    """Returns what each of two processes, which make up one job on the CPU, prints as its last line."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *given],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank), "ACCELERATE_USE_CPU": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ends = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    return [json.loads(out.splitlines()[-1]) for out, _ in ends]


def test_groups_that_lie_in_two_processes_are_put_together():
    """Six completions each, in groups of four: what a process holds is no whole number of groups."""
    prompts, texts = ["a"] * 4 + ["b"] * 4 + ["c"] * 4, [str(i * 7 % 5) for i in range(12)]
    found = np.concatenate(in_two_processes(PART, json.dumps([prompts, texts])))
    scores = np.array([[float(text) for text in texts], [-float(text) for text in texts]])
    expected = [group_rewards(scores[:, first : first + 4], 2) for first in (0, 4, 8)]
    np.testing.assert_allclose(found, np.concatenate(expected))


OTHERS = """
import sys
from accelerate import PartialState
state = PartialState(cpu=True)
from ualign_env.llm import AlignmentReward
judges = lambda _, completions: [[1.0] * len(completions)] * (1 + state.process_index)
try:
    AlignmentReward(judges, 1)(["a"] * 2, ["b", "c"])
except ValueError as error:
    print('"' + str(error) + '"')
state.wait_for_everyone()
state.destroy_process_group()
"""


def test_other_users_in_another_process_are_refused():
    said = in_two_processes(OTHERS)
    assert all("scores of 1 and 2 users in different processes" in one for one in said)


TRAINED = """
import json, sys
from accelerate import PartialState
from ualign_env import exploitability, load_scenario
sys.path.insert(0, sys.argv[1])
from test_trl import trained
scenario = load_scenario("german-goals")
batches = {"num_generations": 16, "per_device_train_batch_size": 24, "max_steps": 100}
policy, tuner = trained(scenario, 3, sys.argv[2] + str(PartialState(cpu=True).process_index), **batches)
assert tuner.accelerator.num_processes == 2
print(json.dumps([exploitability(scenario, policy, 3), policy.tolist()]))
PartialState().destroy_process_group()
"""


def test_a_trainer_in_two_processes_finds_the_equilibrium(tmp_path):
    """Three groups a step, of which each process holds one and a half."""
    (one, policy), (_, same) = in_two_processes(TRAINED, str(Path(__file__).parent), str(tmp_path / "out"))
    assert one < 0.01
    np.testing.assert_allclose(policy, same, atol=1e-6)


def classifier(tokenizer, seed, labels=1):
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "num_labels": labels,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    settings = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=0, **sizes)
    return LlamaForSequenceClassification(settings)


def words():
    """Returns a tokenizer that knows five words."""
    known = Tokenizer(WordLevel({word: i for i, word in enumerate(["[pad]", *"abcde"])}, unk_token="[pad]"))  # noqa: S106
    known.pre_tokenizer = WhitespaceSplit()
    special = {"pad_token": "[pad]"}
    return PreTrainedTokenizerFast(tokenizer_object=known, **special)


def test_reward_models_are_users():
    tokenizer = words()
    models = [classifier(tokenizer, seed) for seed in (0, 1)]
    judges = RewardModels(models, tokenizer, batch_size=2)
    prompts, completions = ["a b"] * 3, [" c", " d e", " e"]
    scores = judges(prompts, completions)
    assert scores.shape == (2, 3)
    for model, row in zip(models, scores, strict=True):
        for completion, score in zip(completions, row, strict=True):
            tokens = tokenizer("a b" + completion, return_tensors="pt", add_special_tokens=False)
            model.eval()
            assert model(**tokens).logits.item() == pytest.approx(score, abs=1e-5)
    assert len(np.unique(scores)) == 6
    cut = RewardModels(models, tokenizer, max_length=2)(prompts, completions)
    np.testing.assert_allclose(cut, judges(["b", "", "b"], [" c", "d e", " e"]), atol=1e-5)  # the end is what stays
    assert tokenizer.truncation_side == "right"
    rewards = AlignmentReward(judges, 1)(prompts, completions)
    np.testing.assert_allclose(rewards, group_rewards(scores, 1))
    with pytest.raises(ValueError, match="has 2 labels, but must have one"):
        RewardModels([classifier(tokenizer, 0, labels=2)], tokenizer)
    with pytest.raises(ValueError, match="there are 2 models and 1 tokenizers"):
        RewardModels(models, [tokenizer])


def test_the_language_is_read_exactly():
    scenario = load_scenario("mallows/responses:9/prompts:3")
    language = Language(scenario, length=2)
    policy = language.policy(language.model(3))
    assert policy.shape == (3, 9)
    np.testing.assert_allclose(policy.sum(axis=1), 1)
    assert abs(policy - 1 / 9).max() < 0.1
    assert len(language.responses) == 3
    longer = Language(scenario, length=4)  # 16 texts, some of which mean the same
    np.testing.assert_allclose(longer.policy(longer.model(0)).sum(axis=1), 1)
    with pytest.raises(ValueError, match="length is 0"):
        Language(scenario, length=0)
    with pytest.raises(ValueError, match=r"prompts have \[9\] responses, but there are 16 texts of 4 letters"):
        _ = longer.responses
    assert solve(scenario, 2).robust_win_rate > robust_win_rate(scenario, policy, 2)


def test_a_model_of_hugging_face_is_trained_and_compared(tmp_path):
    words = ["[pad]", "[end]", "tell", "a", "joke", "story", "once", "upon", "time"]
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[pad]"))  # noqa: S106
    made.pre_tokenizer = WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[pad]", eos_token="[end]")  # noqa: S106
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
    size: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = LlamaConfig(vocab_size=len(words), pad_token_id=0, bos_token_id=1, eos_token_id=1, **size)
    config.num_labels = 1
    for name, kind in (("model", LlamaForCausalLM), ("one", LlamaForSequenceClassification), ("two", None)):
        (kind or LlamaForSequenceClassification)(config).save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    asked = [[{"role": "user", "content": "tell a joke"}], [{"role": "user", "content": "tell a story"}]]
    (tmp_path / "prompts.jsonl").write_text("\n".join(json.dumps({"prompt": prompt}) for prompt in asked))
    script = Path(__file__).parents[1] / "examples" / "own_model.py"
    options = ("--k", "2", "--group", "4", "--steps", "2", "--tokens", "4")
    command = [sys.executable, script, "model", "prompts.jsonl", "one", "two", *options]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "before: k = 1: " in ended.stdout
    assert (tmp_path / "tuned" / "model.safetensors").exists()
    found = read_generations([tmp_path / "tuned" / name for name in ("generations.csv", "judgements.csv")])
    assert {name: [len(row) for row in rows] for name, rows in found.models.items()} == {
        "before": [4, 4],
        "after": [4, 4],
    }
    assert found.scenario.populations[0].n_users == 2
