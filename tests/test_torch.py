"""Torch modules, scored as they are."""

import subprocess
import sys

import numpy as np
import pytest

from ualign_env import (
    LogitUsers,
    PairwiseUsers,
    Population,
    Scenario,
    deviation_payoffs,
    greedy,
    load_scenario,
    robust_win_rate,
    score,
    tabulate,
)

torch = pytest.importorskip("torch")
nn = torch.nn

from ualign_env import DifferentiablePayoffs  # noqa: E402


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
        ((torch.zeros(1, 4), None), "answered with tuple, but must answer with a tensor of logits; pass a callable"),
    ],
)
def test_wrong_answers(answer, message):
    with pytest.raises(ValueError, match=message):
        tabulate(load_scenario("german-goals"), Answer(answer), 2)


class Agent(nn.Module):
    """As agents of CleanRL and Tianshou are: an actor and a critic, and no forward."""

    def __init__(self, answer):
        super().__init__()
        self.actor, self.critic = answer, nn.Linear(2, 1)


class RLModule(nn.Module):
    """As RLlib's modules answer."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward_inference(self, batch):
        return {"action_dist_inputs": self.net(batch["obs"])}


class WithState(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, seen):
        return self.net(seen), None


def test_modules_of_other_libraries_are_read():
    scenario = load_scenario("german-goals")
    net = nn.Linear(2, 4)
    expected = tabulate(scenario, net, 2).average()
    for module in (Agent(net), Agent(WithState(net)), RLModule(net)):
        np.testing.assert_array_equal(tabulate(scenario, module, 2).average(), expected)


def test_tensordict_modules_are_read():
    tensordict = pytest.importorskip("tensordict.nn")
    net = nn.Linear(2, 4)
    module = tensordict.TensorDictModule(net, in_keys=["observation"], out_keys=["logits"])
    actor = tensordict.ProbabilisticTensorDictSequential(
        module,
        tensordict.ProbabilisticTensorDictModule(
            in_keys=["logits"], out_keys=["action"], distribution_class=torch.distributions.Categorical
        ),
    )
    expected = tabulate("german-goals", net, 2).average()
    for one in (module, actor):
        np.testing.assert_allclose(tabulate("german-goals", one, 2).average(), expected, rtol=1e-6)


class Raises(nn.Module):
    def forward(self, seen, mask):
        return seen + mask


@pytest.mark.parametrize("module", [Raises(), nn.Linear(7, 4), Agent(None), nn.LSTM(2, 4), nn.Embedding(3, 4)])
def test_other_modules_are_refused_with_what_would_be_read(module):
    with pytest.raises(
        ValueError, match="pass a callable from one observation to probabilities instead, such as\n"
    ) as found:
        tabulate("german-goals", module, 2)
    net = nn.Linear(2, 4)
    shown = eval(str(found.value).splitlines()[-1].strip(), {"torch": torch, "net": net})  # noqa: S307
    np.testing.assert_allclose(
        tabulate("german-goals", shown, 2).average(), tabulate("german-goals", net, 2).average(), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tensors_are_arrays(dtype):
    table = torch.tensor([0.5, 0.0, 0.25, 0.25], dtype=dtype, requires_grad=True)
    for policy in (table, table[None], lambda _: table, [table[None], table[None]], torch.stack([table] * 3)[:, None]):
        np.testing.assert_array_equal(tabulate("german-goals", policy, 2).average(), [[0.5, 0, 0.25, 0.25]])
    users = Population.from_scores(torch.tensor([[1.0, 2.0], [2.0, 1.0]], dtype=dtype, requires_grad=True))
    assert users == Population.from_scores([[1, 2], [2, 1]])


def test_truth_values_of_torch_are_no_numbers():
    for value in (torch.tensor(True), np.ma.masked, np.ma.array(3, mask=True), np.array(True)):
        with pytest.raises(ValueError, match=r"(?s)k is .*, but must be an integer"):
            score("german-goals", "uniform", value)  # pyright: ignore[reportArgumentType]
    assert score("german-goals", "uniform", torch.tensor(3)).k == 3  # pyright: ignore[reportArgumentType]


def test_greedy_modules():
    net = nn.Linear(2, 4)
    with torch.no_grad():
        best = int(net(torch.eye(2)[:1]).argmax())
    np.testing.assert_array_equal(tabulate("german-goals", greedy(net), 2).average(), np.eye(4)[[best]])


def test_the_package_does_not_import_torch():
    code = "import sys, ualign_env, ualign_env.cli; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# Payoffs with gradients, held against the package's own.

RNG = np.random.default_rng(0)
SCENARIOS = {
    "strict": load_scenario("mallows/responses:7/prompts:5"),
    "ties": Scenario([Population.from_scores(RNG.integers(0, 3, shape)) for shape in ((9, 5), (4, 3), (1, 1))]),
    "logit": Scenario([LogitUsers(RNG.random((9, 5)), 0.2), LogitUsers(RNG.random((4, 3)), [0.05, 0.1, 0.2, 0.3])]),
    "probit": load_scenario("random-utility/noise:slot/users:7/prompts:3/law:probit"),
}


def random_policies(scenario):
    table = np.zeros(scenario.legal.shape)
    for x, users in enumerate(scenario.populations):
        table[x, : users.n_responses] = np.random.default_rng(x).dirichlet(np.ones(users.n_responses))
    return table


@pytest.mark.parametrize("k", [1, 2, 5, 30])
@pytest.mark.parametrize("name", SCENARIOS)
def test_payoffs_are_those_of_the_package(name, k):
    scenario, policies = SCENARIOS[name], random_policies(SCENARIOS[name])
    expected = deviation_payoffs(scenario, policies, k)
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-13)):
        payoffs = DifferentiablePayoffs(scenario, k, dtype=dtype)
        found = payoffs(torch.tensor(policies, dtype=dtype))
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=tolerance)
        some = torch.tensor([len(policies) - 1, 0])
        np.testing.assert_allclose(
            payoffs(torch.tensor(policies, dtype=dtype)[some], some), found[some], atol=tolerance
        )


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("name", SCENARIOS)
def test_gradients_are_those_of_the_package(name, k):
    """Along the simplex: beyond it, payoffs are continued in several ways."""
    scenario = SCENARIOS[name]
    policies = torch.tensor(random_policies(scenario), requires_grad=True)
    payoffs = DifferentiablePayoffs(scenario, k, dtype=torch.float64)(policies)
    for x, users in enumerate(scenario.populations):
        n = users.n_responses
        jacobian = users.jacobian(policies[x, :n].detach().numpy(), k)
        for y in range(n):
            (gradient,) = torch.autograd.grad(payoffs[x, y], policies, retain_graph=True)
            off = gradient[x, :n].numpy() - jacobian[y]
            np.testing.assert_allclose(off - off.mean(), 0, atol=1e-12)


def test_payoffs_of_whom_nothing_is_known_have_no_gradients():
    with pytest.raises(ValueError, match="how PairwiseUsers choose is not known"):
        DifferentiablePayoffs(PairwiseUsers([[0.5, 0.6], [0.4, 0.5]]), 1)
    mixed = Scenario([SCENARIOS["logit"].populations[0], SCENARIOS["strict"].populations[0]])
    with pytest.raises(ValueError, match="users choose in several ways"):
        DifferentiablePayoffs(mixed, 2)
    with pytest.raises(ValueError, match=r"policies have shape \(2, 7\), but must have \(5, 7\)"):
        DifferentiablePayoffs(SCENARIOS["strict"], 2)(torch.full((2, 7), 1 / 7))


def test_a_networks_rate_on_prompts_held_out_is_the_mean_of_its_tables():
    scenario = load_scenario("moving-opinions/prompts:20/held-out:15/users:20/responses:6/features:8")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 6))
    for part in (scenario, scenario.held_out or scenario):
        table = tabulate(part, module, 3).average()
        rates = [robust_win_rate(users, row, 3) for users, row in zip(part.populations, table, strict=True)]
        assert score(part, module, 3).robust_win_rate == pytest.approx(np.mean(rates), abs=1e-12)
