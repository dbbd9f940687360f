"""Torch modules, scored as they are."""

import subprocess
import sys

import numpy as np
import pytest

from ualign_env import load_scenario, score, tabulate

torch = pytest.importorskip("torch")
nn = torch.nn


class Answer(nn.Module):
    """Answers with what it is given, whatever it sees."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, seen):  # noqa: ARG002
        return self.answer


def test_logits_become_probabilities():
    scenario = load_scenario("impartial/responses:5/users:9/prompts:3")
    module = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 5))
    with torch.no_grad():
        expected = module(torch.eye(3)).softmax(-1).numpy()
    np.testing.assert_allclose(tabulate(scenario, module, 2).average(), expected, rtol=1e-6)
    assert score(scenario, module, 2).robust_win_rate > 0
    np.testing.assert_allclose(tabulate(scenario, module.double(), 2).average(), expected, rtol=1e-6)
    np.testing.assert_allclose(tabulate(scenario, module.bfloat16(), 2).average(), expected, atol=0.02)


def test_modules_are_evaluated_and_left_as_they_were():
    scenario = load_scenario("german-goals")
    module = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.9))
    first, second = (tabulate(scenario, module, 2).average() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert module.training
    assert module.eval()
    tabulate(scenario, module, 2)
    assert not module.training
    module.train()
    module[1].eval()
    tabulate(scenario, module, 2)
    assert (module.training, module[1].training) == (True, False)
    assert all(parameter.grad is None for parameter in module.parameters())


def test_only_legal_responses_count(unequal_scenario):
    logits = torch.tensor([[0.0, 1.0, 2.0], [0.0, 50.0, 50.0], [1.0, 0.0, float("nan")]])
    table = tabulate(unequal_scenario, Answer(logits), 2).average()
    np.testing.assert_allclose(table[0], np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum(), rtol=1e-12)
    np.testing.assert_allclose(table[1:], [[1, 0, 0], [np.e / (1 + np.e), 1 / (1 + np.e), 0]], rtol=1e-7)


def test_infinite_logits_are_impossible_responses():
    table = tabulate(load_scenario("german-goals"), Answer(torch.tensor([[0.0, -torch.inf, 0.0, -torch.inf]])), 2)
    assert table.average().tolist() == [[0.5, 0, 0.5, 0]]


def test_softmax_over_illegal_responses_is_recognised(unequal_scenario):
    with pytest.raises(ValueError, match="looks like probabilities"):
        tabulate(unequal_scenario, Answer(torch.randn(3, 3).softmax(-1)), 2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(4), r"has shape \(4,\), but must have \(1, 4\): logits of 4 responses to 1 prompts"),
        (torch.zeros(1, 5), r"has shape \(1, 5\)"),
        (torch.full((1, 4), torch.nan), "without a finite greatest logit"),
        (torch.full((1, 4), -torch.inf), "without a finite greatest logit"),
        (torch.tensor([[0.0, 0.0, torch.inf, 0.0]]), "without a finite greatest logit"),
        (torch.full((1, 4), 0.25), "looks like probabilities, but is read as logits"),
        (torch.tensor([[0.0, 2.0, -1.0, 1.0]]).bfloat16().softmax(-1), "looks like probabilities"),
        (torch.zeros(1, 4, dtype=torch.int64), "answered with torch.int64, but must answer with real logits"),
        ((torch.zeros(1, 4), None), "answered with tuple, but must answer with a tensor of logits"),
    ],
)
def test_wrong_answers(answer, message):
    with pytest.raises(ValueError, match=message):
        tabulate(load_scenario("german-goals"), Answer(answer), 2)


def test_the_package_does_not_import_torch():
    code = "import sys, ualign_env, ualign_env.cli; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
