"""The users of a scenario as a data set that can be published: tables, Croissant metadata, and a data card.

The vocabulary is that of Croissant 1.0 and of its RAI extension 1.0 (MLCommons, https://docs.mlcommons.org/croissant/).
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._files import as_path, write_file
from ualign_env._limits import MAX_FIELDS
from ualign_env._text import counted, counted_between
from ualign_env.citation import Citation, cite_scenario
from ualign_env.exports.card import data_card
from ualign_env.scenario import Scenario
from ualign_env.specs import ScenarioLike, as_scenario, split_path

#: What columns hold: the type of Croissant, and a description.
COLUMNS = {
    "prompt": ("sc:Text", "name of the prompt"),
    "probability": ("sc:Float", "how likely the prompt is"),
    "part": ("sc:Text", "whether the prompt is learned on, or held out"),
    "number": ("sc:Integer", "number of the response among those to the prompt"),
    "response": ("sc:Text", "name of a response to the prompt"),
    "other": ("sc:Text", "name of another response to the prompt"),
    "group": ("sc:Text", "group that the users belong to"),
    "user": ("sc:Integer", "number of a type of users of the prompt, who all have the same preference"),
    "weight": ("sc:Float", "how many users are of this type"),
    "order": ("sc:Text", "what the type prefers, best first: a list in JSON, in which lists are responses that tie"),
    "utility": ("sc:Float", "utility of the response to users of this type"),
    "temperature": ("sc:Float", "scale of the noise in what users of this type choose"),
    "preference": ("sc:Float", "share of users who prefer the response to the other one, ties counted half"),
}

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {
    name: f"cr:{name}"
    for name in (
        "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
        "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references",
        "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
    )
}  # fmt: skip


def save_croissant(
    scenario: ScenarioLike,
    folder: str | os.PathLike[str],
    *,
    name: str = "",
    description: str = "",
    licence: str = "",
    url: str = "",
    creator: str = "",
    published: str = "",
) -> Path:
    """Writes the users of a scenario as a data set: csv tables, `croissant.json`, and a data card, `README.md`.

    Types of users with the same preference are one row, or one of few, with the number of users; no names of users are
    kept.

    Args:
        scenario: P prompts.
        folder: where to; it must be empty, or not exist.
        name: of the data set (default: the scenario's).
        description: what it is (default: how many users prefer what, and where they come from).
        licence: its licence, such as an address or an SPDX name (default: what `cite` says).
        url: where it is, or will be, published.
        creator: who publishes it.
        published: when, such as `2026-11-30`.

    Returns:
        The path of `croissant.json`.

    Raises:
        ValueError: if an argument is no text, the folder holds something, or a file cannot be written.
        TooLargeError: if users have more than 50 million places for responses in all.
    """
    loaded, target = as_scenario(scenario), as_path(folder)
    given = {"name": name, "description": description, "licence": licence, "url": url}
    given |= {"creator": creator, "published": published}
    for key, value in given.items():
        _checks.text(key, value)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"folder is {os.fspath(folder)!r:.200}, but must be an empty folder, or not exist")
    source = cite_scenario(loaded)
    tables = {file: _csv(rows) for file, rows in _tables(loaded).items() if rows}
    told = _metadata(loaded, source, tables, given)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write to {os.fspath(folder)!r:.200}: {error.strerror}") from None
    files = {file: data for file, (data, _) in tables.items()}
    files["README.md"] = data_card(told, loaded, source).encode()
    files["croissant.json"] = (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
    for file, data in files.items():
        write_file(target / file, lambda opened, data=data: opened.write(data))
    return target / "croissant.json"


def _tables(scenario: Scenario) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of each file."""
    parts = [scenario, *[scenario.held_out] * bool(scenario.held_out)]
    users = [users for part in parts for users in part.populations]
    users += [users for part in parts for groups in part.groups for users in groups.values()]
    if (numbers := sum(one.n_types * one.n_responses for one in users)) > MAX_FIELDS:
        raise TooLargeError(f"users have {numbers:,} places for responses, but at most {MAX_FIELDS:,} are written")
    found: dict[str, list[dict[str, Any]]] = {"prompts.csv": [], "responses.csv": []}
    for part, own in (("learned on", scenario), ("held out", scenario.held_out)):
        if own is None:
            continue
        for x, (prompt, users) in enumerate(zip(own.prompts, own.populations, strict=True)):
            common = {"prompt": prompt} | ({"part": part} if scenario.held_out else {})
            row = {"probability": float(own.probabilities[x])} | _features(own.features[x])
            found["prompts.csv"].append(common | row)
            seen = own.response_features[x]
            found["responses.csv"] += [
                common | {"number": y, "response": response} | _features(seen[y])
                for y, response in enumerate(users.responses)
            ]
            found.setdefault(f"{users.kind}.csv", []).extend(common | row for row in users.rows())
            for group, members in own.groups[x].items():
                rows = (common | {"group": group} | row for row in members.rows())
                found.setdefault(f"{members.kind}-of-groups.csv", []).extend(rows)
    return found


def _features(values: Any) -> dict[str, float]:
    return {f"feature_{i}": float(value) for i, value in enumerate(values)}


def _csv(rows: list[dict[str, Any]]) -> tuple[bytes, list[str]]:
    """Returns a table as text, and its columns."""
    columns = list(rows[0])
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(), columns


def _metadata(scenario: Scenario, source: Citation, tables: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """Returns the data set in the words of Croissant."""
    users = [population.n_users for population in scenario.populations]
    size = f"{counted(scenario.n_prompts, 'prompt')}, each judged by {counted_between(min(users), max(users), 'user')}"
    said = source.source or "not known"
    about = {
        "name": given["name"] or _title(scenario.name),
        "description": given["description"] or f"Which responses users prefer: {size}. Source: {said}",
        "license": given["licence"] or source.licence,
        "url": given["url"],
        "creator": {"@type": "sc:Organization", "name": given["creator"]} if given["creator"] else None,
        "datePublished": given["published"],
        "citeAs": source.source or source.paper,
        "version": "1.0.0",
    }
    rai = {
        "dataCollection": said,
        "dataPreprocessingProtocol": list(scenario.notes) or None,
        "annotationsPerItem": counted_between(min(users), max(users), "user") + " of each prompt",
        "dataUseCases": "Comparing learners and solvers on how many of the users k responses satisfy. It says nothing "
        "about single people, and is not meant for decisions about them.",
        "dataLimitations": "Whoever was not asked is not in it. Where users judged only some of the responses, what "
        "was made of that stands with what was done to the source.",
        "dataBiases": "Users count as often as they were asked, which need not be how often they are met.",
        "personalSensitiveInformation": "No names of users are kept; texts of prompts and responses were not looked "
        f"at. {_smallest_group(scenario)}",
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        **{key: value for key, value in about.items() if value},
        **{f"rai:{key}": value for key, value in rai.items() if value},
        "distribution": [_file(file, data) for file, (data, _) in tables.items()],
        "recordSet": [_records(file, columns) for file, (_, columns) in tables.items()],
    }


def _smallest_group(scenario: Scenario) -> str:
    """Returns how few users a group has, by which they may be known again."""
    sizes = [users.n_users for groups in scenario.groups for users in groups.values()]
    if not sizes:
        return "Users have no groups."
    few = counted(min(sizes), "user")
    return (
        f"Users are told apart by groups, of which the smallest has {few} of a prompt: who knows a group may know them."
    )


def _title(name: str) -> str:
    """Returns the name of a data set: of a file its own, without folder, ending and options."""
    path, _ = split_path(name)
    return name if path is None else Path(path).stem


def _file(file: str, data: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file,
        "name": file,
        "contentUrl": file,
        "contentSize": f"{len(data)} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _records(file: str, columns: list[str]) -> dict[str, Any]:
    """Returns the rows of a file, of which each column is a field."""
    name = file.removesuffix(".csv")
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": list(_fields(file, name, columns))}


def _fields(file: str, name: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    for column in columns:
        seen = column.startswith("feature_")
        kind, meaning = COLUMNS.get(column, ("sc:Float", "what learners see of it") if seen else ("sc:Text", column))
        yield {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": meaning,
            "dataType": kind,
            "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
        }
