"""Rewards for trainers of language models, without one: groups, judges, what is logged, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest

from ualign_env import PairwiseUsers, Population, group_rewards, load_scenario, solve
from ualign_env.llm import AlignmentReward, KnownResponses, UserGroups

TYPO: Any = {"unknown": "best"}
WRONG: Any = {"missing": "wurst"}
NONE: Any = ["a list of models"]
SCORES = {"good": [3, 0], "fair": [2, 1], "odd": [0, 3], "bad": [1, 0]}


def judges(prompts, completions):
    """Two users, who also like prompts that are called high."""
    bonus = np.array([100 * (prompt == "high") for prompt in prompts])
    return np.array([SCORES[text] for text in completions]).T + bonus


class Log:
    """What a trainer takes from a reward function."""

    def __init__(self):
        self.metrics, self.extra = {}, {}

    def metric(self, name, value):
        self.metrics[name] = value

    def column(self, name, values):
        self.extra[name] = values


def rewarded(reward, prompts, completions, **columns):
    log = Log()
    found = reward(
        prompts=prompts,
        completions=completions,
        trainer_state=object(),
        log_metric=log.metric,
        log_extra=log.column,
        **columns,
    )
    assert all(isinstance(one, float) for one in found)
    return found, log


def test_each_prompt_is_a_group_of_its_own():
    prompts, texts = ["low"] * 4 + ["high"] * 3, ["good", "odd", "bad", "good", "odd", "fair", "bad"]
    found, _ = rewarded(AlignmentReward(judges, 2), prompts, texts)
    scores = judges(["low"] * 7, texts)
    np.testing.assert_allclose(found[:4], group_rewards(scores[:, :4], 2))
    np.testing.assert_allclose(found[4:], group_rewards(scores[:, 4:], 2))
    across = group_rewards(judges(prompts, texts), 2)  # the broken twin: compares across prompts
    assert across[:4].sum() < 0.5 < sum(found[:4])


def test_columns_tell_groups_of_one_prompt_apart():
    prompts, texts, columns = ["low"] * 4, ["good", "odd", "bad", "fair"], {"topic": [1, 1, 2, 2], "note": [1, 2, 3, 4]}
    found, _ = rewarded(AlignmentReward(judges, 1, columns=["topic"]), prompts, texts, **columns)
    assert sum(found[:2]) == sum(found[2:]) == 1
    with pytest.raises(ValueError, match=r"k is 1, but there are only 1 completions in a row .*columns"):
        AlignmentReward(judges, 1)(prompts, texts, **columns)
    together, _ = rewarded(AlignmentReward(judges, 1, columns=[]), prompts, texts, **columns)
    assert sum(together) == pytest.approx(2)


def test_a_prompt_that_comes_twice_in_a_row_is_two_groups_of_a_size():
    texts = ["good", "odd", "bad", "fair"]
    found, _ = rewarded(AlignmentReward(judges, 1, num_generations=2), ["low"] * 4, texts)
    assert sum(found[:2]) == sum(found[2:]) == 1
    with pytest.raises(ValueError, match="k is 2, but there are only 2 completions"):
        AlignmentReward(judges, 2, num_generations=2)(["low"] * 4, texts)


def test_columns_may_hold_anything():
    long = np.arange(2000.0)
    other = np.where(long == 1000, 0, long)  # what is printed of both is the same
    pictures = [long, long.copy(), other, other.copy()]
    found, _ = rewarded(AlignmentReward(judges, 1), ["low"] * 4, ["good", "odd", "bad", "fair"], picture=pictures)
    assert sum(found[:2]) == sum(found[2:]) == 1


def test_columns_that_read_alike_together_are_told_apart():
    columns = {"one": ["a;", "a", "a;", "a"], "other": ["b", ";b", "b", ";b"]}
    texts = ["good", "odd", "bad", "fair"]
    with pytest.raises(ValueError, match="only 1 completions"):
        rewarded(AlignmentReward(judges, 1), ["low"] * 4, texts, **columns)


def test_each_completion_has_a_prompt():
    with pytest.raises(ValueError, match="3 prompts, but 2 completions"):
        AlignmentReward(judges, 1)(["low"] * 3, ["good", "odd"])


def test_judges_may_call_their_arguments_as_columns_are_called():
    def judge(prompts, answers):
        return judges(prompts, answers)

    found, _ = rewarded(AlignmentReward(judge, 1), ["low"] * 2, ["good", "bad"], answers=["x", "x"])
    np.testing.assert_allclose(found, group_rewards(judges(["low"] * 2, ["good", "bad"]), 1))


def test_conversations_are_prompts_too():
    said = [[{"role": "user", "content": "low"}]] * 2 + [[{"role": "user", "content": "high"}]] * 2
    answers = [[{"role": "assistant", "content": text}] for text in ("good", "odd", "bad", "odd")]
    one = AlignmentReward(lambda _, completions: [[SCORES[text][0] for text in completions]], 1)
    found, _ = rewarded(one, said, answers)
    assert found == [1, 0, 1, 0]
    parts = [[{"role": "assistant", "content": [{"type": "text", "text": said[0]["content"]}]}] for said in answers]
    assert rewarded(one, said, parts)[0] == found

    def reads_messages(prompts, completions, *, completion_messages):
        assert (prompts, completions) == (["low", "low", "high", "high"], ["good", "odd", "bad", "odd"])
        return [[SCORES[messages[0]["content"]][0] for messages in completion_messages]]

    for judge in (reads_messages, UserGroups({"all": reads_messages})):
        assert rewarded(AlignmentReward(judge, 1), said, answers)[0] == found
    with pytest.raises(ValueError, match="neither a text nor a list of messages"):
        rewarded(one, said[:2], [3, 4])
    known = KnownResponses(Population.from_rankings([[1, 0]], responses=["good", "odd"]), prompts=[said[0]])
    found, _ = rewarded(AlignmentReward(known, 1), said[:2], answers[:2])
    assert found == [0, 1]


def test_without_k_the_reward_is_the_mean_score():
    reward = AlignmentReward(judges, None)
    found, log = rewarded(reward, ["low", "low", "high"], ["good", "odd", "bad"])
    assert found == [1.5, 1.5, 100.5]
    assert not log.metrics
    assert (reward.__name__, AlignmentReward(judges, 3).__name__) == ("mean_score", "picked_of_4")


def test_users_of_a_scenario_judge_what_they_know():
    scenario = load_scenario("mallows/responses:4/users:30/prompts:2")
    reward = AlignmentReward(KnownResponses(scenario), 2)
    prompts = [scenario.prompts[0]] * 5 + [scenario.prompts[1]] * 4
    shown = [0, 1, 1, 3, 2, 3, 0, 0, 1]
    texts = [scenario.populations[i > 4].responses[y] for i, y in enumerate(shown)]
    found, _ = rewarded(reward, prompts, texts)
    for rows, users in ((slice(0, 5), scenario.populations[0]), (slice(5, 9), scenario.populations[1])):
        counts = np.bincount(shown[rows], minlength=4)
        # against two of the others in the group, exactly as users say it themselves
        expected = [
            users.pool_payoffs((counts - np.eye(4, dtype=int)[y])[None], np.array([2]))[0, 0, y] for y in shown[rows]
        ]
        np.testing.assert_allclose(found[rows], expected)


def test_tokens_tell_responses_apart_that_read_alike():
    users = Population.from_rankings([[0, 1], [1, 0]], [3, 1], responses=["x", "x again"])
    reward = AlignmentReward(KnownResponses(users, prompts=["?"], tokens=[[[5], [5, 1]]]), 1)
    found, _ = rewarded(reward, ["?"] * 3, ["x", "x", "y"], completion_ids=[[5], [5, 1], [7]])
    np.testing.assert_allclose(found, group_rewards([[2, 1, 0], [1, 2, 0]], 1, [3, 1]))
    with pytest.raises(ValueError, match="pass completion_ids"):
        reward(["?"], ["x"])


def test_what_is_no_response_is_liked_least_or_refused():
    users = Population.from_rankings([[0, 1], [1, 0]], responses=["x", "y"])
    found, _ = rewarded(AlignmentReward(KnownResponses(users, prompts=["?"]), 1), ["?"] * 3, ["x", "z", "y"])
    assert found == [0.75, 0, 0.75]
    with pytest.raises(ValueError, match="'z' is none of the responses to '\\?'"):
        AlignmentReward(KnownResponses(users, prompts=["?"], unknown="error"), 1)(["?"] * 2, ["x", "z"])
    with pytest.raises(ValueError, match="unknown prompt 'who\\?'"):
        AlignmentReward(KnownResponses(users, prompts=["?"]), 1)(["who?"] * 2, ["x", "y"])


def test_groups_of_users_have_weights_and_columns():
    many, one = (
        (lambda _, texts: [[SCORES[text][0] for text in texts]] * 5),
        (lambda _, texts: [SCORES[t][1] for t in texts]),
    )
    with pytest.raises(ValueError, match=r"scores of shape \(2,\), but must return"):
        AlignmentReward(UserGroups({"one": one}), 1)(["low"] * 2, ["good", "odd"])

    def other(_, texts):
        return [[SCORES[text][1] for text in texts]]

    groups = UserGroups({"many": many, "few": (other, 3.0)})
    found, log = rewarded(AlignmentReward(groups, 1), ["low"] * 3, ["good", "odd", "bad"])
    scores = judges(["low"] * 3, ["good", "odd", "bad"])
    np.testing.assert_allclose(found, group_rewards(scores, 1, [1, 3]))
    np.testing.assert_allclose(log.extra["picked by many"], group_rewards(scores[:1], 1))
    np.testing.assert_allclose(log.extra["picked by few"], group_rewards(scores[1:], 1))


def test_judges_get_the_columns_that_they_take():
    seen = {}

    def curious(prompts, completions, *, topic, **more):
        seen.update(more, topic=topic)
        return judges(prompts, completions)

    rewarded(AlignmentReward(curious, 1), ["low"] * 2, ["good", "bad"], topic=["a", "a"], completion_ids=[[1], [2]])
    assert seen["topic"] == ["a", "a"]
    assert seen["completion_ids"] == [[1], [2]]
    messages = {"prompt_messages", "completion_messages"}
    assert set(seen) == {"topic", "completion_ids", "trainer_state"} | messages


def answering(scores):
    """Returns judges who always answer the same."""
    return lambda *_: scores


def test_users_who_judged_part():
    partly = answering([[1.0, np.nan, 0.0], [2.0, 3.0, 1.0]])
    found, log = rewarded(AlignmentReward(partly, 1), ["low"] * 3, ["good", "fair", "bad"])
    assert log.metrics["judged_in_part"] == 0.5
    np.testing.assert_allclose(found, group_rewards([[2.0, 3.0, 1.0]], 1))
    found, _ = rewarded(AlignmentReward(partly, 1, missing="worst"), ["low"] * 3, ["good", "fair", "bad"])
    np.testing.assert_allclose(found, group_rewards([[1, -1, 0], [2, 3, 1]], 1))
    assert group_rewards([[1e17, np.nan]], 1, missing="worst").tolist() == [1, 0]


def test_ties_are_counted_in_pairs_of_different_completions():
    scores = np.random.default_rng(0).integers(0, 4, (3, 40)).astype(float)
    texts = [f"{i % 30}" for i in range(40)]
    scores[:, 30:] = scores[:, :10]
    _, log = rewarded(AlignmentReward(answering(scores.tolist()), 1), ["low"] * 40, texts)
    one, other = np.triu_indices(30, 1)
    assert log.metrics["ties"] == pytest.approx((scores[:, one] == scores[:, other]).mean())
    many = np.zeros((200, 4096))  # all pairs of these would be gigabytes
    _, log = rewarded(AlignmentReward(answering(many), 1), ["low"] * 4096, list(map(str, range(4096))))
    assert log.metrics["ties"] == pytest.approx(1)


def test_metrics_say_how_many_are_picked_and_what_is_left_behind():
    reward = AlignmentReward(judges, 1)
    _, log = rewarded(reward, ["low"] * 4, ["good", "good", "odd", "odd"])
    assert log.metrics["effective_picks"] == pytest.approx(2)
    assert log.metrics["ties"] == 0
    assert log.metrics["judged_in_part"] == 0
    assert "left_behind" not in log.metrics  # nothing was said before
    for _ in range(8):
        _, log = rewarded(reward, ["low"] * 4, ["bad"] * 4)
    assert log.metrics["effective_picks"] == pytest.approx(1)
    assert "ties" not in log.metrics
    # both users like "good" at least as much as "bad", one of them more: 3/4 against one sample
    assert log.metrics["left_behind"] == pytest.approx(3 / 4 - 1 / 2)
    json.dumps(log.metrics)


def test_at_the_equilibrium_nothing_is_left_behind():
    scenario, k = load_scenario("german-goals"), 3
    policy, rng = solve(scenario, k).policy[0], np.random.default_rng(0)
    reward = AlignmentReward(KnownResponses(scenario), k)
    names = scenario.populations[0].responses
    sums = []
    for _ in range(300):
        texts = [names[y] for y in rng.choice(4, 64, p=policy)]
        sums.append(rewarded(reward, [scenario.prompts[0]] * 64, texts)[1].metrics.get("left_behind"))
    assert np.mean(sums[50:]) < 0.02
    log = [rewarded(reward, [scenario.prompts[0]] * 64, [names[0]] * 64)[1] for _ in range(50)][-1]
    assert log.metrics["left_behind"] > 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AlignmentReward(judges, 0), "k is 0"),
        (lambda: AlignmentReward(judges, 2)(["low"] * 2, ["good", "bad"]), "k is 2, but there are only 2 completions"),
        (lambda: AlignmentReward(answering(np.zeros((2, 3))), 1)(["low"] * 2, ["good", "bad"]), r"shape \(2, 3\)"),
        (lambda: AlignmentReward(answering([[1, None]]), 1)(["low"] * 2, ["good", "bad"]), "must be a rectangular"),
        (lambda: AlignmentReward(answering([[1, np.inf]]), 1)(["low"] * 2, ["good", "bad"]), "the score inf, but"),
        (lambda: AlignmentReward(judges, 1, **WRONG), "unknown way to treat missing scores 'wurst'"),
        (lambda: AlignmentReward(NONE, 1), "but must be callable"),
        (lambda: AlignmentReward(answering(([[1, 2]], [[1, -1]])), 1)(["low"] * 2, ["good", "bad"]), "negative"),
        (lambda: AlignmentReward(answering(([[1, 2]], [1])), 1)(["low"] * 2, ["good", "bad"]), "weights"),
        (
            lambda: AlignmentReward(answering([[np.nan, 2]]), 1)(["low"] * 2, ["good", "bad"]),
            "no user has judged all",
        ),
        (lambda: UserGroups({}), "there must be at least one group"),
        (lambda: KnownResponses(PairwiseUsers([[0.5, 0.7], [0.3, 0.5]])), "do not choose what scores highest"),
        (lambda: KnownResponses("german-goals", prompts=["a", "b"]), "prompts are 2, but german-goals has 1"),
        (
            lambda: KnownResponses("german-goals", tokens=[[[1], [2], [3], [3]]]),
            "tokens of .* are 4, 3 of them different",
        ),
        (lambda: KnownResponses("german-goals", tokens=[]), "tokens are of 0 prompts, but german-goals has 1"),
        (
            lambda: KnownResponses("german-goals", **TYPO),
            "unknown way to treat unknown completions 'best'",
        ),
        (lambda: KnownResponses("cycle/prompts:2", prompts=["a", "a"]), "prompts must be distinct"),
    ],
)
def test_what_makes_no_reward_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
