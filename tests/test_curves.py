from dataclasses import replace

import numpy as np
import pytest

from ualign_env import equilibrium_family, load_scenario, score, solve, solve_versus, versus_map, win_rate_curve
from ualign_env.scoring import curves
from ualign_env.scoring.curves import POWERS


def test_curves_of_unequal_prompts(unequal_scenario):
    curve = win_rate_curve(unequal_scenario, [8, 2, 2], temperature=0.2)
    assert (curve.sizes, curve.temperature) == ((2, 8), 0.2)
    np.testing.assert_allclose(curve.optimum, [2 / 3, 8 / 9])
    np.testing.assert_allclose(curve.equilibria, [2 / 3, 8 / 9], atol=1e-9)
    for name, rates in curve.baselines.items():
        np.testing.assert_allclose(rates, [score(unequal_scenario, name, k).robust_win_rate for k in (2, 8)])
    heated = [solve(unequal_scenario, k, temperature=0.2).policy for k in (2, 8)]
    rates = [score(unequal_scenario, policy, k).robust_win_rate for policy, k in zip(heated, (2, 8), strict=True)]
    np.testing.assert_allclose(curve.regularised, rates)
    assert win_rate_curve(unequal_scenario, [1]).regularised == ()


def test_policies_are_lines_of_a_curve(unequal_scenario):
    policy = solve(unequal_scenario, 2).policy
    curve = win_rate_curve(unequal_scenario, [1, 2, 8], policies={"mine": policy, "even": "uniform"})
    expected = [score(unequal_scenario, policy, k).robust_win_rate for k in (1, 2, 8)]
    np.testing.assert_allclose(curve.policies["mine"], expected)
    assert curve.policies["even"] == curve.baselines["uniform"]
    assert "mine                   0." in curve.summary()
    with pytest.raises(ValueError, match="a policy is named 'optimum', but that is another line of the curve"):
        win_rate_curve(unequal_scenario, [1], policies={"optimum": policy})
    with pytest.raises(ValueError, match="policies is list, but must map names to policies"):
        win_rate_curve(unequal_scenario, [1], policies=[policy])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="shape"):
        win_rate_curve(unequal_scenario, [1], policies={"mine": np.ones((2, 2)) / 2})


def test_families_lead_to_the_favourites():
    family = equilibrium_family("german-goals")
    assert family.sizes == POWERS == tuple(2**i for i in range(7))
    np.testing.assert_allclose(family.policies[0], [0, 0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(family.favourites, load_scenario("german-goals").populations[0].favourites())
    assert family.certificate < 1e-9


def test_families_are_of_their_prompt(unequal_scenario):
    for x, users in enumerate(unequal_scenario.populations):
        family = equilibrium_family(unequal_scenario, [3], prompt=x)
        assert (family.prompt, family.responses) == (f"prompt {x}", users.responses)
        np.testing.assert_allclose(family.policies, [solve(users, 3).policy])


def test_the_worst_certificate_counts():
    good = win_rate_curve("cycle", [1, 2])
    assert good.advice is None
    bad = replace(good, certificates=(2e-10, 1e-12))
    assert bad.certificate == 2e-10
    assert bad.advice is not None
    assert replace(good, certificates=(1e-10, 0.0)).advice is None


def test_maps_of_unequal_prompts(unequal_scenario):
    found = versus_map(unequal_scenario, 2, 3)
    assert found.together.shape == found.sampled.shape == (2, 3)
    for k, l in np.ndindex(2, 3):
        values = [solve_versus(unequal_scenario, k + 1, l + 1, prompt=x).value for x in range(3)]
        np.testing.assert_allclose(found.together[k, l], unequal_scenario.probabilities @ values, atol=1e-9)
        policy = solve(unequal_scenario, k + 1).policy
        sampled = score(unequal_scenario, policy, k + 1, l=l + 1).robust_win_rate
        np.testing.assert_allclose(found.sampled[k, l], sampled, atol=1e-9)
    assert found.together_converged.all()
    assert found.sampled_proven.all()
    assert found.advice is None


def test_maps_tell_what_is_uncertain(monkeypatch, unequal_scenario):
    def rough(scenario, k, l, *, tolerance, prompt):
        converged = (k, l, prompt) != (2, 1, 1)
        certificate = 0.1 * k + 0.01 * l + 0.001 * (prompt == 1)
        return replace(
            solve_versus(scenario, k, l, tolerance=tolerance, prompt=prompt),
            certificate=certificate,
            converged=converged,
        )

    def sought(scenario, policy, k, *, l, curve):
        return replace(score(scenario, policy, k, l=l, curve=curve), proven=(k, l) != (1, 2))

    monkeypatch.setattr(curves, "solve_versus", rough)
    monkeypatch.setattr(curves, "score", sought)
    found = versus_map(unequal_scenario, 2, 2)
    assert found.certificate == pytest.approx(0.221)
    assert found.together_converged.tolist() == [[True, True], [False, True]]
    assert found.sampled_proven.tolist() == [[True, False], [True, True]]
    assert found.advice is not None
    assert found.advice.startswith("1 values missed the tolerance of 1e-06 and 1 rates")
    monkeypatch.setattr(curves, "solve_versus", solve_versus)
    only = versus_map(unequal_scenario, 1, 2).advice
    assert only is not None
    assert only.startswith("0 values missed")
