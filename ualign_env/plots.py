"""Pictures of a scenario: robust win rate against k, the family of equilibria, and k responses against l.

Axes: P prompts, N responses.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ualign_env.baselines import baseline
from ualign_env.scenario import Scenario
from ualign_env.scoring import robust_win_rate, score
from ualign_env.solvers.solve import solve
from ualign_env.solvers.versus import solve_versus

_LINES = {
    "nlhf": "NLHF (maximal lottery)",
    "borda": "Borda winner (RLHF)",
    "favourites": "random dictatorship",
    "uniform": "uniform",
}
# one colour a line, told apart by people with any colour vision (Okabe & Ito)
_COLOURS = ["#D55E00", "#CC79A7", "#0072B2", "#999999", "#009E73", "#E69F00", "#56B4E9", "#F0E442", "#000000"]


def curve(scenario: Scenario, sizes: Sequence[int], *, temperature: float = 0.0) -> Figure:
    """Draws the robust win rate against k: the optimum, the equilibrium of each k, and the baselines.

    Args:
        scenario: prompts and users.
        sizes: the k to compute.
        temperature: with one above 0, also the equilibrium of the game regularised towards the uniform policy.
    """
    figure, axes = _axes()
    axes.plot(sizes, [k / (k + 1) for k in sizes], color="black", linestyle=":", zorder=3, label="optimum k/(k+1)")
    equilibria = [solve(scenario, k).robust_win_rate for k in sizes]
    axes.plot(sizes, equilibria, color="#009E73", marker="o", markersize=4, label="equilibrium of each k")
    if temperature:
        rates = [solve(scenario, k, temperature=temperature).robust_win_rate for k in sizes]
        axes.plot(
            sizes, rates, color="#E69F00", marker="s", markersize=4, label=f"equilibrium at temperature {temperature:g}"
        )
    for (name, label), colour in zip(_LINES.items(), _COLOURS, strict=False):
        policy = baseline(scenario, name)
        style = "--" if name == "borda" else "-"  # it often hides another line
        axes.plot(sizes, [robust_win_rate(scenario, policy, k) for k in sizes], color=colour, ls=style, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(k) for k in sizes])
    axes.set_xlabel("k, responses shown")
    axes.set_ylabel("robust win rate")
    axes.set_title(f"{scenario.name}: chance to be picked against the worst opponent")
    axes.legend(frameon=False)
    return figure


def family(scenario: Scenario, sizes: Sequence[int], prompt: int = 0) -> Figure:
    """Draws how the equilibrium of one prompt moves from the maximal lottery (k = 1) to random dictatorship.

    Args:
        scenario: prompts and users.
        sizes: the k to compute.
        prompt: index of the prompt.
    """
    population = scenario.populations[prompt]
    policies = np.array([solve(population, k).policy for k in sizes])
    favourites = population.favourites()
    shown = np.argsort(-np.maximum(policies.max(axis=0), favourites), kind="stable")[: len(_COLOURS)]
    figure, axes = _axes()
    last = 2 * sizes[-1]
    for y, colour in zip(shown, _COLOURS, strict=False):
        axes.plot(sizes, policies[:, y], color=colour, marker="o", markersize=4, label=population.responses[y])
        axes.plot([last], [favourites[y]], color=colour, marker="D", clip_on=False)
    axes.set_xscale("log", base=2)
    axes.set_xticks([*sizes, last], [*(str(k) for k in sizes), "∞"])
    axes.set_xlabel("k, responses shown (∞: random dictatorship)")
    axes.set_ylabel("probability in the equilibrium")
    if population.n_responses > len(shown):
        others = np.setdiff1d(np.arange(population.n_responses), shown)
        together = policies[:, others].sum(axis=1)
        axes.plot(sizes, together, color="#CCCCCC", linestyle="--", label=f"{others.size} others together")
    axes.set_title(f"{scenario.name}, {scenario.prompts[prompt]}: equilibria for k = {sizes[0]} to {sizes[-1]}")
    axes.legend(frameon=False)
    return figure


def versus(scenario: Scenario, largest_k: int, largest_l: int, *, tolerance: float = 1e-6) -> Figure:
    """Draws heat maps over k and l: the value of the game, and what k samples of the equilibrium reach.

    Args:
        scenario: prompts and users.
        largest_k: k goes from 1 to this.
        largest_l: l goes from 1 to this.
        tolerance: certificate to reach; a value that misses it, and a rate against opponents that were sought greedily,
            are marked by "~".
    """
    shape = largest_k, largest_l
    together, sampled = np.zeros(shape), np.zeros(shape)
    rough = np.zeros((2, *shape), bool)
    for k in range(1, largest_k + 1):
        policy = np.atleast_2d(solve(scenario, k).policy)
        for l in range(1, largest_l + 1):
            games = [solve_versus(population, k, l, tolerance=tolerance) for population in scenario.populations]
            together[k - 1, l - 1] = scenario.probabilities @ [game.value for game in games]
            card = score(scenario, policy, k, opponents=l, curve=())
            sampled[k - 1, l - 1] = card.robust_win_rate
            rough[:, k - 1, l - 1] = not all(game.converged for game in games), card.proven_rate < card.robust_win_rate
    size = 2.5 + 1.1 * largest_l, 2.2 + 0.55 * largest_k
    figure = Figure(figsize=(2 * size[0], size[1]), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = "k responses chosen together (the game's value)", "k samples of the (k+1)-player equilibrium"
    for axes, rates, unsure, title in zip(panels, (together, sampled), rough, titles, strict=True):
        axes.imshow(rates, origin="lower", vmin=0, vmax=1, cmap="viridis", aspect="auto")
        for (i, j), rate in np.ndenumerate(rates):
            text, colour = f"{'~' if unsure[i, j] else ''}{rate:.3f}", "black" if rate > 0.6 else "white"
            axes.text(j, i, text, ha="center", va="center", color=colour)
        axes.set_xticks(range(largest_l), [str(l) for l in range(1, largest_l + 1)])
        axes.set_yticks(range(largest_k), [str(k) for k in range(1, largest_k + 1)])
        axes.set_xlabel("l, responses of the opponent")
        axes.set_title(title, fontsize="medium")
    panels[0].set_ylabel("k, responses of the model")
    figure.suptitle(f"{scenario.name}: chance to be picked against the worst l responses")
    return figure


def check_path(path: str | os.PathLike[str]) -> None:
    """Raises an error unless a picture can go there, before the work of making one.

    Raises:
        ValueError: if the format is unknown or the folder missing.
    """
    file = Path(path)
    if file.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{os.fspath(path)!r} must end in .png, .svg or .pdf")
    if not file.parent.is_dir():
        raise ValueError(f"cannot write {os.fspath(path)!r}: there is no folder {os.fspath(file.parent)!r}")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a picture; the file's ending chooses the format.

    Raises:
        ValueError: if the format is unknown or the file cannot be written.
    """
    check_path(path)
    file = Path(path)
    try:
        with rc_context({"svg.hashsalt": "ualign"}):  # the same picture gives the same file
            figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    except OSError as error:
        raise ValueError(f"cannot write {os.fspath(path)!r}: {error.strerror}") from None


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(0, 1)
    return figure, axes
