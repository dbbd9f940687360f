"""Nature's draws: the generator against published values, distributions, and independence of batch size and threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from ualign_env import Scenario, _threads, load_scenario
from ualign_env._random import alias_table, philox
from ualign_env.simulation.draws import Nature
from ualign_env.testing.environments import ALPHA

# Philox4x32-10 known answers: kat_vectors of Random123 1.14 (D. E. Shaw Research), counter, key and output
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_values(counter, key, words):
    assert philox(*map(np.uint64, counter), *map(np.uint64, key)) == words


weights = st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1), st.floats(1, 1e6)), min_size=1, max_size=40)


@given(weights.filter(lambda ws: sum(ws) > 0))
def test_alias_tables_hold_the_weights(given_weights):
    chances = np.array(given_weights) / sum(given_weights)
    keep, other = alias_table(chances)
    n = len(chances)
    assert ((keep >= 0) & (keep <= 1)).all()
    held = (keep + np.bincount(other, weights=1 - keep, minlength=n)) / n
    np.testing.assert_allclose(held, chances, rtol=0, atol=1e-12)
    never = chances == 0
    assert (keep[never] == 0).all()
    assert not never[other[keep < 1]].any()


def test_prompts_and_users_come_as_often_as_they_should():
    scenario = load_scenario("impartial/responses:5/users:30/prompts:4")
    scenario = Scenario(scenario.populations, probabilities=[0.1, 0.2, 0.3, 0.4])
    drawn = Nature(scenario, 200_000).draw(0)
    counts = np.bincount(drawn.prompts, minlength=4)
    assert chisquare(counts, 200_000 * scenario.probabilities).pvalue > ALPHA
    for prompt, population in enumerate(scenario.populations):
        users = np.bincount(drawn.types[drawn.prompts == prompt], minlength=population.n_types)
        assert chisquare(users, counts[prompt] * population.weights).pvalue > ALPHA
    assert chisquare(np.bincount(drawn.numbers >> 28, minlength=16)).pvalue > ALPHA
    # the three draws of a game have nothing to do with each other
    for one, other in ((drawn.prompts, drawn.numbers), (drawn.types, drawn.numbers)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(200_000)


def test_draws_depend_on_neither_batch_size_nor_threads(monkeypatch):
    scenario = load_scenario("impartial/responses:4/users:9/prompts:3")

    def rounds(n):
        nature = Nature(scenario, n)
        return [nature.draw(5), nature.draw(), nature.draw()]

    few, many = rounds(3), rounds(30_000)
    monkeypatch.setattr(_threads, "_CHUNK", 7)
    monkeypatch.setattr(_threads, "_WORTH_A_THREAD", 1)
    threaded = rounds(30_000)
    for one, other, third in zip(few, many, threaded, strict=True):
        for name in ("prompts", "types", "numbers"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[:3])
            np.testing.assert_array_equal(getattr(third, name), getattr(other, name))


def test_games_of_a_round_and_rounds_of_a_game_differ():
    nature = Nature(load_scenario("impartial/responses:4/users:200"), 1000)
    first, second = nature.draw(0), nature.draw()
    assert (
        len(np.unique(first.numbers)) == len(np.unique(np.concatenate([first.numbers, second.numbers]))) - 1000 == 1000
    )
    assert abs(np.corrcoef(first.types[1:], first.types[:-1])[0, 1]) < 4 / np.sqrt(1000)
    assert abs(np.corrcoef(first.types, second.types)[0, 1]) < 4 / np.sqrt(1000)


@pytest.mark.parametrize("later", [0, 1, 2**31 + 7, 2**32, 2**33 + 5])
def test_draws_are_those_of_seed_round_and_game(later):
    """Game b of round t has the counter (t's low and high 32 bits, b, 0), and a key of its own stream of the seed."""
    prompts, users = 3, 7
    scenario = load_scenario(f"impartial/responses:9/users:{users}/prompts:{prompts}")
    nature = Nature(scenario, 5)
    key = np.random.SeedSequence(12, spawn_key=(0,)).generate_state(2).tolist()
    drawn = nature.draw(12)
    if later:
        nature._time = later
        drawn = nature.draw()
    for b in range(5):
        w0, w1, w2, w3 = map(int, philox(*map(np.uint64, (later % 2**32, later // 2**32, b, 0, *key))))
        assert drawn.numbers[b] == w3
        # all are equally likely: of 48 bits, the highest decide
        assert drawn.prompts[b] == (w0 * 2**16 + w1 // 2**16) * prompts // 2**48
        assert drawn.types[b] == (w2 * 2**16 + w1 % 2**16) * users // 2**48


def test_rounds_are_counted_from_the_seed():
    nature, again = (Nature(load_scenario("cycle"), 4) for _ in range(2))
    numbers = [nature.draw(seed).numbers.tolist() for seed in (3, None, None)]
    assert [again.draw(seed).numbers.tolist() for seed in (3, None, 3, None, None)] == [*numbers[:2], *numbers]
    again._time = 1
    assert again.draw().numbers.tolist() == numbers[1]


def test_large_seeds_and_populations():
    nature = Nature(load_scenario("impartial/responses:20/users:100000"), 2)
    assert nature.draw(2**100).numbers.tolist() != nature.draw(2**100 + 1).numbers.tolist()
