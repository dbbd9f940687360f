"""Pages of games and environments, in the form in which their frameworks describe their own."""

import inspect
from importlib import import_module
from typing import Any

import gymnasium
import pyspiel
from pages import ROOT, Page, block, described, documented, folded, listing, table

from ualign_env import registration
from ualign_env.envs.open_spiel import games, versus
from ualign_env.registration import Environment

_OPEN_SPIEL = (games.SimultaneousGame, games.TurnBasedGame, versus.VersusGame, versus.ByResponseGame)
_KIND = ("dynamics", "chance_mode", "information", "utility", "reward_model")


def environment_pages() -> list[Page]:
    """Returns a page for each game and environment, and the list of them."""
    rows, found = [], []
    for framework, made in (("OpenSpiel", _open_spiel()), ("PettingZoo", _pettingzoo()), ("Gymnasium", _gymnasium())):
        for name, said, text in made:
            address = f"{framework.lower()}-{name.replace('/', '-').lower()}.md"
            rows.append((f"[`{name}`]({address})", framework, said))
            found.append(Page(f"games/{address}", f"# {name}\n\n{text}\n"))
    text = (
        "One game in three frameworks: users disagree, and whoever shows what a user likes best is picked. "
        "[Which of OpenSpiel's algorithms run on which](../open-spiel-algorithms.md) is a table made by running them."
    )
    return [listing("Games and environments", "games", text, ("name", "framework", "what it is"), rows), *found]


def _open_spiel() -> list[tuple[str, str, str]]:
    """Returns name, first line and text of each game."""
    found = []
    for kind, game in ((kind, pyspiel.load_game(kind)) for kind in sorted(map(_short_name, _OPEN_SPIEL))):
        made = game.get_type()
        lines = documented(type(game).__doc__)
        facts = [
            ("load", f'`import pyspiel, ualign_env` and `pyspiel.load_game("{kind}")`'),
            *((name.replace("_", " "), str(getattr(made, name)).rpartition(".")[2].lower()) for name in _KIND),
            ("players", f"{made.min_num_players} to {made.max_num_players:,}"),
            ("utilities", f"{game.min_utility():g} to {game.max_utility():g}, summing to {game.utility_sum():g}"),
        ]
        makers = (games.load_game, versus.load_versus_game)
        said = described(makers[made.max_num_players == 2].__doc__, "Args")
        defaults = [
            (f"`{name}`", f"`{value}`", said[name]) for name, value in sorted(made.parameter_specification.items())
        ]
        playthrough = (ROOT / "tests" / "playthroughs" / f"{kind}.txt").read_text(encoding="utf-8")
        parts = [
            lines,
            documented(import_module(type(game).__module__).__doc__).partition("\n\n")[2],
            table(("", ""), facts),
            "## Parameters",
            table(("parameter", "default", "what it is"), defaults),
            "## Playthrough",
            "Written by OpenSpiel's `generate_playthrough`; a test writes it again.",
            folded("playthrough", block(playthrough)),
        ]
        found.append((kind, lines.partition("\n")[0], "\n\n".join(parts)))
    return found


def _short_name(game: Any) -> str:
    return game({}).get_type().short_name


def _pettingzoo() -> list[tuple[str, str, str]]:
    found = []
    for one in registration.PETTINGZOO:
        module, _, entry = str(one.points[1]).partition(":")
        loaded = import_module(module)
        made = getattr(loaded, entry)()
        agent = made.possible_agents[0]
        short = module.rpartition(".")[2]
        made_by = [
            "import pettingzoo",
            "",
            "import ualign_env  # registers the environment",
            "",
            f'env = pettingzoo.make("parallel", "{one.id}")  # "aec": players in turn',
        ]
        facts = [
            ("Import", f"`from ualign_env import {short}`"),
            ("Short name", f"`{registration.SYNONYMS[one.name]}{one.id.removeprefix(one.name)}`"),
            ("Actions", "Discrete"),
            ("Parallel API", "Yes"),
            ("Manual Control", "No"),
            ("Agents", f"`agents = {made.possible_agents}`"),
            ("Agents", len(made.possible_agents)),
            ("Action Shape", "(1)"),
            ("Action Values", f"`{made.action_space(agent)}`"),
            ("Observation Shape", made.observation_space(agent).shape),
            ("Observation Values", "[0, 1], wider where prompts have features"),
            ("State Shape", made.state_space.shape),
        ]
        text = documented(loaded.__doc__)
        page = _farama(text, facts, getattr(loaded, entry), one, made_by)
        found.append((one.id, text.partition("\n")[0], page))
    return found


def _gymnasium() -> list[tuple[str, str, str]]:
    found = []
    for one in registration.GYMNASIUM:
        made: Any = gymnasium.make(one.id) if one.single else gymnasium.make_vec(one.id, num_envs=3)
        spaces = (
            ("action_space", "observation_space") if one.single else ("single_action_space", "single_observation_space")
        )
        forms = [("make", "")] * one.single + [("make_vec", ", num_envs=3")] * (one.points[1] is not None)
        made_by = ["import gymnasium", ""]
        made_by += [f'env = gymnasium.{form}("ualign_env:{one.id}"{more})' for form, more in forms]
        facts = [
            ("Action Space", f"`{getattr(made, spaces[0])}`"),
            ("Observation Space", f"`{getattr(made, spaces[1])}`"),
        ]
        kind = type(made.unwrapped)
        text = documented(kind.__doc__).removeprefix(f"`{one.id}`: ")
        found.append((one.id, text.partition("\n")[0], _farama(text[0].upper() + text[1:], facts, kind, one, made_by)))
    return found


def _farama(text: str, facts: list[tuple[str, Any]], made: Any, one: Environment, made_by: list[str]) -> str:
    """Returns a page's text in Farama's form."""
    said = described(made.__init__.__doc__, "Args")
    arguments = [
        (f"`{name}`", f"`{parameter.default!r}`", said.get(name, ""))
        for name, parameter in inspect.signature(made).parameters.items()
    ]
    history = "\n".join(f"* v{version}: {what}" for version, what in reversed(list(enumerate(one.history))))
    parts = [
        "![Five games of three players](../gallery/a_game.gif)" if one.name == "ualign/alignment" else "",
        table(("", ""), facts),
        block("\n".join(made_by), "python"),
        "With the default arguments; spaces follow the scenario.",
        text,
        "## Arguments",
        table(("argument", "default", ""), arguments),
        "## Version History",
        history,
    ]
    return "\n\n".join(part for part in parts if part)
