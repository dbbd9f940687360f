"""The command that hands results, games and users to other people's tools."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env.cli.app import KNOWN, Json, command, load, prompt_in
from ualign_env.cli.output import emit, emit_json


@command("export")
def export(
    scenario: Annotated[
        str,
        typer.Argument(metavar="SCENARIO|FOLDER", help=f"A scenario: {KNOWN}; for TensorBoard, a folder of results."),
    ],
    tensorboard: Annotated[
        Path | None, typer.Option(help="Replay results into event files for TensorBoard, in this folder.")
    ] = None,
    nfg: Annotated[Path | None, typer.Option(help="Write a game in normal form for Gambit: a .nfg file.")] = None,
    croissant: Annotated[
        Path | None,
        typer.Option(help="Write the users as a data set in this folder: csv, Croissant metadata and a data card."),
    ] = None,
    k: Annotated[
        str, typer.Option(help="For Gambit: responses of the model; without --l, the game of k + 1 players.")
    ] = "1",
    l: Annotated[str | None, typer.Option("--l", help="For Gambit: responses of the opponent, in k against l.")] = None,
    on: Annotated[
        str | None, typer.Option(metavar="PROMPT", help="For Gambit: on which prompt, its name or its index.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the data set.  [default: the scenario's]")] = "",
    description: Annotated[str, typer.Option(help="Of the data set.")] = "",
    licence: Annotated[str, typer.Option(help="Of the data set: an address, or an SPDX name.")] = "",
    url: Annotated[str, typer.Option(help="Where the data set is, or will be, published.")] = "",
    creator: Annotated[str, typer.Option(help="Who publishes the data set.")] = "",
    published: Annotated[str, typer.Option(metavar="DATE", help="When the data set is published.")] = "",
    as_json: Json = False,
) -> None:
    """Hand results to TensorBoard, games to Gambit, and users to whoever publishes or reads data sets."""
    wanted = {"--tensorboard": tensorboard, "--nfg": nfg, "--croissant": croissant}
    chosen = [option for option, path in wanted.items() if path is not None]
    if len(chosen) != 1:
        raise ValueError(f"{' and '.join(chosen) or 'nothing'} is asked for, but must be one of {', '.join(wanted)}")
    texts = {"name": name, "description": description, "licence": licence, "url": url}
    texts |= {"creator": creator, "published": published}
    told: dict[str, Any]
    if tensorboard is not None:
        told = _replayed(scenario, tensorboard)
    elif nfg is not None:
        told = _game(scenario, nfg, _checks.integer("k", k), l, on)
    else:
        from ualign_env.exports.croissant import save_croissant

        path = save_croissant(load(scenario, beside=True), croissant or "", **texts)
        told = {"path": str(path), "files": sorted(file.name for file in path.parent.iterdir())}
    if as_json:
        return emit_json(told)
    runs = f"{counted(told['runs'], 'run')}: " if "runs" in told else ""
    beside = [file for file in told.get("files", []) if file not in told["path"]]
    return emit(f"{runs}{told['path']}{', with ' * bool(beside)}{', '.join(beside)}")


def _replayed(folder: str, target: Path) -> dict[str, Any]:
    from ualign_env.benchmark.reporting.export import TensorBoard, replay

    return {"runs": replay(folder, TensorBoard(target)), "path": str(target)}


def _game(spec: str, path: Path, k: int, l: str | None, prompt: str | None) -> dict[str, Any]:
    from ualign_env.envs.open_spiel.games import load_game
    from ualign_env.envs.open_spiel.versus import load_versus_game
    from ualign_env.exports.nfg import save_nfg

    loaded = load(spec, beside=True)
    game = load_game(loaded, k + 1) if l is None else load_versus_game(loaded, k, _checks.integer("l", l))
    save_nfg(game, path, prompt=None if prompt is None else prompt_in(prompt, loaded))
    return {"path": str(path), "game": str(game)}
