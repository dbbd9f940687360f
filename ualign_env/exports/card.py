"""The page that lies beside a data set and says what it is."""

from typing import Any

from ualign_env.citation import Citation
from ualign_env.scenario import Scenario


def data_card(told: dict[str, Any], scenario: Scenario, source: Citation) -> str:
    """Returns a data card in Markdown, from the metadata of a data set."""
    parts = [
        f"# {told['name']}",
        told["description"],
        _table(
            ("", ""),
            [
                ("licence", told["license"]),
                ("source", source.source or "not known"),
                ("published", " ".join(filter(None, (told.get("datePublished"), told.get("url")))) or "not yet"),
                ("digest of the users", f"sha256:{source.digest}"),
                ("made by", source.package),
                ("games", source.paper),
            ],
        ),
        "## Files",
    ]
    sizes = {one["@id"]: one["contentSize"] for one in told["distribution"]}
    for records in told["recordSet"]:
        file = f"{records['name']}.csv"
        named = {field["name"]: field["description"] for field in records["field"]}
        seen = [name for name in named if name.startswith("feature_")]
        rows = [(f"`{name}`", meaning) for name, meaning in named.items() if name not in seen]
        rows += [(f"`{seen[0]}` to `{seen[-1]}`", named[seen[0]])] if seen else []
        parts += [f"`{file}`, {sizes[file]}:", _table(("column", "what it holds"), rows)]
    if "rankings.csv" in sizes:
        parts.append("`ualign inspect rankings.csv --reader orders --weight weight` reads the users again.")
    if scenario.notes:
        parts += ["## What was done to the source", "\n".join(f"- {note}" for note in scenario.notes)]
    parts.append("## Considerations")
    for key, title in (
        ("dataUseCases", "Uses"),
        ("dataLimitations", "Limits"),
        ("dataBiases", "Biases"),
        ("personalSensitiveInformation", "Personal information"),
    ):
        parts.append(f"**{title}.** {told[f'rai:{key}']}")
    return "\n\n".join(parts) + "\n"


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
