"""What the command line prints: plain text, the same whatever terminal there is."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ualign_env._text import counted, printable, short
from ualign_env.cli.output import emit
from ualign_env.scenario import Scenario
from ualign_env.scoring.curves import Curve, Family
from ualign_env.scoring.facts import PromptFacts
from ualign_env.scoring.inspection import SHOWN, Inspection
from ualign_env.scoring.scorecard import Scorecard, optimal_rate
from ualign_env.solvers.result import Equilibrium
from ualign_env.solvers.versus import VersusEquilibrium
from ualign_env.users import Users

_LISTED = 8  # multisets of a strategy
_PROMPTS = 30
_OWN_USERS = "among their own users, against the one response that most of these pick instead"


def print_listing(kind: str, rows: Iterable[tuple[str, str]]) -> None:
    """Prints names and what they are, the names whole, however wide the terminal."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    emit(f"{kind}:")
    for name, summary in rows:
        emit(f"  {name:<{width}}  {summary}")
    emit("")


def print_readers(kind: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Prints names, what they read, and on a line of its own a spec with all options."""
    rows = list(rows)
    width = max(len(name) for name, *_ in rows)
    emit(f"{kind}:")
    for name, spec, summary in rows:
        emit(f"  {name:<{width}}  {summary}")
        emit(f"  {'':<{width}}  {spec}")
    emit("")


def print_notes(scenario: Scenario) -> None:
    """Prints what was left out or changed when a scenario was read."""
    for note in scenario.notes:
        emit(f"note: {note}")


def print_scorecard(scenario: Scenario, card: Scorecard) -> None:
    """Prints a scorecard: the metrics, the worst opponent on each prompt, and the curve."""
    metrics = (
        ("robust win rate", f"{card.robust_win_rate:.6f}"),
        ("bound" if card.l > 1 else "optimal rate", f"{card.optimal_rate:.6f}"),
        ("shortfall", f"{card.shortfall:.2e}"),
        ("NashConv", _number(card.nash_conv)),
        ("leave-one-out win rate", _number(card.leave_one_out_win_rate, ".6f")),
        ("effective responses", f"{card.effective_responses:.2f}"),
        ("U-alignment limit", _number(card.u_alignment_limit, ".6f")),
        ("favourite shown", _number(card.favourite_shown, ".6f")),
        ("best-of-k utility", _number(card.best_utility, ".6f")),
        ("distinct responses shown", f"{card.distinct_responses:.4f}"),
        ("worst group vs opponent", _number(card.worst_group_win_rate, ".6f")),
    )
    attacks = []
    rates = np.array(card.prompt_win_rates)
    listed = np.arange(rates.size) if rates.size <= _PROMPTS else np.argsort(rates, kind="stable")[:_PROMPTS]
    for x in listed:
        population = scenario.populations[x]
        worst = _multiset(population, card.best_responses[x])
        attacks.append((short(scenario.prompts[x]), str(population.n_users), f"{card.prompt_win_rates[x]:.6f}", worst))
    groups = sorted(card.group_robust_win_rates.items(), key=lambda item: item[1]) if any(scenario.groups) else []
    curve = [(str(size), f"{rate:.6f}") for size, rate in card.curve]
    against = f" against {counted(card.l, 'response')}, found by {card.opponent_method}" if card.l > 1 else ""
    emit(f"{card.scenario}, k = {card.k}{against}")
    print_notes(scenario)
    if not card.proven:
        emit(f"a worse opponent may be found, but none that leaves less than {card.proven_rate:.6f}")
    if card.worst_group is not None:
        x, name = card.worst_group
        of = "group" if scenario.groups[x] else "users whose favourite is"
        where = f" on {short(scenario.prompts[x])}" if scenario.n_prompts > 1 else ""
        emit(f"worst served: {of} {short(name)}{where}, against the opponent that is worst for all")
    for columns, rows in (
        (("metric", "value"), metrics),
        (("prompt", "users", "win rate", "worst opponent"), attacks),
        (("at k =", "robust win rate"), curve),
    ):
        emit("")
        print_table(columns, rows)
        if columns[0] == "prompt":
            _say_others(scenario.n_prompts, "with higher win rates")
    if groups:
        emit("")
        _print_groups(["robust win rate"], [[name, f"{rate:.6f}"] for name, rate in groups], _OWN_USERS)


def _say_others(prompts: int, which: str = "") -> None:
    """Says how many prompts are not listed."""
    if prompts > _PROMPTS:
        emit(" ".join(f"and {prompts - _PROMPTS:,} prompts {which}: --json has all".split()).replace(" :", ":"))


def print_inspection(found: Inspection) -> None:
    """Prints what a scenario is like: facts on each prompt, simple policies against the optimum, the verdict."""
    emit(found.scenario)
    for note in found.notes:
        emit(f"note: {note}")
    emit("")
    if len(found.prompts) == 1:
        print_table(("prompt", short(found.prompts[0].prompt)), _fact_rows(found.prompts[0]))
    else:
        levels = [f"set of {i}" for i in range(1, 1 + max(len(one.condorcet_levels) for one in found.prompts))]
        columns = ("prompt", "users", "responses", "ties", "Condorcet winner", "cycle", "Smith set", *levels)
        print_table((*columns, "lottery"), [_fact_row(one, len(levels)) for one in found.prompts[:_PROMPTS]])
        _say_others(len(found.prompts))
        if levels:
            emit("set of i: share of users whom some other response pleases better than the best i together")
        emit("lottery: on how many responses the maximal lottery is")
    for what, distance in found.other_readings.items():
        emit(f"with {what} the equilibrium for k = 3 moves by {distance:.4f} (total variation)")
    for what, reason in found.unreadable.items():
        emit(f"with {what}: {reason}")
    shown = [i for i, k in enumerate(found.sizes) if k in SHOWN] or list(range(len(found.sizes)))
    columns = ["robust win rate", *(f"k = {found.sizes[i]}" for i in shown), "U-alignment limit"]
    rows = [["optimum k/(k+1)", *(f"{found.optimum[i]:.4f}" for i in shown), "1"]]
    for name, rates in found.rates.items():
        rows.append([name, *(f"{rates[i]:.4f}" for i in shown), _number(found.limits.get(name), ".4f")])
    emit("")
    print_table(columns, rows, numbers=True)
    if found.group_rates:
        emit("")
        _print_group_rates(found)
    emit("")
    for sentence in found.verdict:
        emit(f"verdict: {sentence}")


def _print_group_rates(found: Inspection) -> None:
    """Prints whom simple policies fail, and what would fix it."""
    users: Counter[str] = Counter()
    for one in found.prompts:
        users.update(one.groups)
    policies = list(next(iter(found.group_rates.values())))
    rows = [
        [name, f"{users[name]:,}", *(f"{rate:.4f}" for rate in rates.values())]
        for name, rates in found.group_rates.items()
    ]
    many = "; users: of all prompts together, rates: their mean over prompts" if len(found.prompts) > 1 else ""
    _print_groups(["users", *policies], rows, f"robust win rate at k = {found.largest_shown} {_OWN_USERS}{many}")


def _print_groups(columns: Sequence[str], rows: Sequence[Sequence[str]], what: str) -> None:
    """Prints a line for each group, of many the first, and what its rates are."""
    print_table(("group", *columns), [[short(name, 40), *cells] for name, *cells in rows[:_PROMPTS]], numbers=True)
    if len(rows) > _PROMPTS:
        emit(f"and {len(rows) - _PROMPTS:,} groups with higher rates: --json has all")
    emit(f"rates of groups: {what}")


def _fact_rows(one: PromptFacts) -> Iterable[tuple[str, str]]:
    """Yields what is known of a prompt."""
    yield "users", f"{one.users:,} of {one.types:,} types"
    yield "responses", f"{one.responses:,}"
    if one.tied_pairs is not None:
        yield "ties", f"{one.tied_pairs:.1%} of pairs; {one.indifferent:.1%} of users tell nothing apart"
    yield "Condorcet winner", short(one.condorcet_winner) if one.condorcet_winner else "none"
    yield "Condorcet cycle", "majorities have one" if one.cycle else "none"
    yield "Smith set", _named(one.smith_set)
    for i, (share, responses) in enumerate(one.condorcet_levels, start=1):
        yield f"Condorcet set of {i}", f"{_named(responses)}: another response pleases {share:.4f} of the users better"
    unique = {True: "the only one", False: "one of several", None: "perhaps one of several"}[one.lottery_unique]
    yield "maximal lottery", f"{unique}, on {_named(one.lottery_support)}"
    if one.groups:
        listed = [f"{short(name, 30)} {users:,}" for name, users in list(one.groups.items())[:_LISTED]]
        more = len(one.groups) - len(listed)
        yield "groups", "; ".join([*listed, *[f"and {more} others"] * bool(more)])
    if one.favourites:
        yield "favourites", "; ".join(f"{short(name, 30)} {share:.3f}" for name, share in one.favourites[:5])


def _fact_row(one: PromptFacts, levels: int) -> list[str]:
    """Returns the cells of a prompt in the table of several."""
    sets = [f"{share:.3f}" for share, _ in one.condorcet_levels]
    lottery = {True: "", False: ", one of several", None: ", perhaps one of several"}[one.lottery_unique]
    return [
        short(one.prompt, 30),
        f"{one.users:,}",
        f"{one.responses:,}",
        "-" if one.tied_pairs is None else f"{one.tied_pairs:.1%}",
        short(one.condorcet_winner, 30) if one.condorcet_winner else "none",
        "yes" if one.cycle else "no",
        f"{len(one.smith_set)}",
        *sets,
        *["-"] * (levels - len(sets)),
        f"on {len(one.lottery_support)}{lottery}",
    ]


def _named(responses: Sequence[str]) -> str:
    """Returns the first of some names, and how many there are."""
    names = " + ".join(short(name, 30) for name in responses[:3])
    return names if len(responses) <= 3 else f"{names} and {len(responses) - 3} others"


def print_equilibria(scenario: Scenario, equilibria: list[Equilibrium]) -> None:
    """Prints the rate, the certificate and the most likely responses of each k."""
    columns = ["k", "robust win rate", "optimum", "exploitability", "support", "method", "seconds"]
    regularised = any(result.temperature for result in equilibria)
    rows = [
        (
            str(result.k),
            f"{result.robust_win_rate:.6f}",
            f"{result.k / (result.k + 1):.6f}",
            f"{result.exploitability:.1e}",
            str(result.support_size),
            result.method,
            f"{result.seconds:.3f}",
            *([f"{result.certificate:.1e}"] if regularised else []),
        )
        for result in equilibria
    ]
    emit(scenario.name)
    print_notes(scenario)
    print_table((*columns, *["regularised certificate"] * regularised), rows)
    for result in equilibria:
        emit("")
        said = [] if result.converged else [f"NOT CONVERGED to {result.tolerance:.0e}"]
        emit(": ".join([f"k = {result.k}", *said, *([result.others] if result.others else [])]))
        for x, policy in enumerate(np.atleast_2d(result.policy)[:_PROMPTS]):
            emit(f"  {short(scenario.prompts[x])}: {_main_responses(scenario.populations[x], policy)}")
        _say_others(scenario.n_prompts)


def print_curve(scenario: Scenario, curve: Curve) -> None:
    """Prints robust win rates, a column for each k."""
    emit(scenario.name)
    print_notes(scenario)
    emit(curve.summary())


def print_family(scenario: Scenario, family: Family) -> None:
    """Prints the likeliest responses of each k, and on which prompt."""
    emit(f"{scenario.name}: {short(family.prompt)}")
    print_notes(scenario)
    if scenario.n_prompts > 1:
        emit(f"one of {scenario.n_prompts} prompts, each a game of its own (--on: another)")
    emit(family.summary())


def print_versus(scenario: Scenario, games: list[VersusEquilibrium], sampled: dict[str, list[Scorecard]]) -> None:
    """Prints the value of the k-against-l game on each prompt beside what samples reach, and both sides' strategies.

    Args:
        scenario: P prompts.
        games: one equilibrium for each.
        sampled: for each policy that draws its responses, its scorecard on each of the P prompts.
    """
    k, l = games[0].k, games[0].l
    rows = []
    for x, game in enumerate(games):
        rates = [_rate(cards[x]) for cards in sampled.values()]
        bound = f"{optimal_rate(k, l):.6f}"
        rows.append((short(scenario.prompts[x]), f"{game.value:.6f}", f"{game.certificate:.1e}", *rates, bound))
    emit(f"{scenario.name}: {counted(k, 'response')} against {l}")
    print_notes(scenario)
    print_table(("prompt", "value", "certificate", *sampled, "bound"), rows)
    if any(not card.proven for cards in sampled.values() for card in cards):
        emit("a..b: the worst opponent was sought greedily, and leaves at least a and at most b")
    emit("value: of the game in which both sides choose their responses together")
    emit("bound: (k + 1 - l) / (k + 1), what samples of every equilibrium of k + 1 players reach at least")
    for x, game in enumerate(games):
        emit("")
        emit(f"{short(scenario.prompts[x])}, solved by {game.method} in {game.seconds:.2f} s")
        for side, sets, chances in (
            ("model", game.model_sets, game.model_chances),
            ("opponent", game.opponent_sets, game.opponent_chances),
        ):
            order = np.argsort(-chances, kind="stable")
            for i in order[:_LISTED]:
                emit(f"  {side:<8}  {chances[i]:.4f}  {_multiset(scenario.populations[x], sets[i])}")
            if order.size > _LISTED:
                emit(f"  {side:<8}  {chances[order[_LISTED:]].sum():.4f}  {order.size - _LISTED} others together")
    if games[0].head_room is not None:
        rooms = scenario.probabilities @ [game.head_room or 0.0 for game in games]
        emit("")
        emit(f"head-room of choosing together over samples, value - k/(k+1): {rooms:.6f}")


def _rate(card: Scorecard) -> str:
    """Returns the robust win rate, or the interval in which it is known to be."""
    if not card.proven:
        return f"{card.proven_rate:.4f}..{card.robust_win_rate:.4f}"
    return f"{card.robust_win_rate:.6f}"


def _multiset(population: Users, responses: Iterable[int]) -> str:
    """Returns the names of responses, such as `2 x brief + formal`."""
    counts = Counter(responses)
    return " + ".join(
        f"{n} x {short(population.responses[y])}" if n > 1 else short(population.responses[y])
        for y, n in counts.items()
    )


def _main_responses(population: Users, policy: np.ndarray, most: int = 8) -> str:
    """Returns the likeliest responses with their probabilities."""
    order = [y for y in np.argsort(-policy, kind="stable") if policy[y] > 0]
    shown = ", ".join(f"{short(population.responses[y])} {policy[y]:.4f}" for y in order[:most])
    return f"{shown}, and {len(order) - most} more" if len(order) > most else shown


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> None:
    """Prints rows under their columns' names, never folded; `numbers` moves all but the first column to the right."""
    lines = [[printable(cell, keep="") for cell in line] for line in (columns, *rows)]
    widths = [max(len(line[i]) for line in lines if line) for i in range(len(columns))]
    for line in lines:
        cells = [
            f"{cell:>{width}}" if numbers and i else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(line, widths, strict=False))
        ]
        emit("  ".join(cells).rstrip())


def _number(value: float | None, form: str = ".1e") -> str:
    return "-" if value is None else f"{value:{form}}"
