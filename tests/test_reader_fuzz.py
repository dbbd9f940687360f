"""Whatever a file holds: a scenario, or a ValueError that names the file; nobody is left out uncounted."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ualign_env import load_scenario
from ualign_env.readers import READERS

CELLS = st.one_of(
    st.sampled_from(["", "a", "b", "u", "v", "1", "2.5", "-1", "NA", "nan", "1e400", "A>B", "B=A", "response", "yes"]),
    st.text(max_size=5),
)
COLUMNS = [
    "prompt",
    "user",
    "response",
    "score",
    "order",
    "chosen",
    "rejected",
    "shown",
    "rank1",
    "rank2",
    "a",
    "b",
    "",
]
TABLES = [name for name, one in READERS.items() if ".csv" in one.endings]
QUIET = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, *options: str) -> int:
    """Reads a file and returns how many prompts it has; an error names the file."""
    error, populations = path.name, ()
    try:
        populations = load_scenario("/".join([str(path), *options])).populations
    except ValueError as refused:
        error = str(refused)
    assert path.name in error
    for users in populations:
        assert users.weights.sum() == pytest.approx(1)
    return len(populations)


SCORES = st.lists(st.sampled_from(["", "1", "2", "NA", "3.5", "x", "inf"]), min_size=12, max_size=12)


def seen(scores):
    """Returns the responses that somebody judged."""
    return {i % 3 for i, score in enumerate(scores) if score not in ("", "NA")}


@QUIET
@given(SCORES, st.sampled_from(["complete", "bottom"]), st.integers(1, 3))
def test_everybody_is_counted(tmp_path, scores, missing, responses):
    """The users of a scenario and those that its notes leave out are all there are."""
    path = tmp_path / "x.csv"
    rows = [f"{i // 3},{i % 3},{score}" for i, score in enumerate(scores)]
    path.write_text("\n".join(["user,response,score", *rows]), encoding="utf-8")
    wrong = bool({"x", "inf"} & set(scores))
    judged = {i // 3 for i, score in enumerate(scores) if score not in ("", "NA")}
    complete = {u for u in judged if all(score not in ("", "NA") for score in scores[3 * u : 3 * u + 3])}
    spec = f"{path}/missing:{missing}/responses:{responses}/min-users:1"
    if wrong or not judged or (missing == "complete" and responses == 3 and len(seen(scores)) == 3 and not complete):
        with pytest.raises(ValueError, match=r"x\.csv"):
            load_scenario(spec)
        return
    scenario = load_scenario(spec)
    lost = sum(
        int(note.split()[0])
        for note in scenario.notes
        if note.endswith("left out") and ("judged none" in note or "judged only some" in note)
    )
    assert scenario.populations[0].n_users + lost == len(judged)
    blank = [int(note.split()[0]) for note in scenario.notes if "without a score" in note]
    assert sum(blank) == sum(score in ("", "NA") for score in scores)


@QUIET
@given(
    st.sampled_from(TABLES),
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=7, unique=True).flatmap(
        lambda columns: st.tuples(
            st.just(columns),
            st.lists(st.lists(CELLS, min_size=len(columns), max_size=len(columns)), max_size=8),
        )
    ),
    st.sampled_from(["missing:bottom", "unranked:drop", "min-users:1", "rule:copeland", "rule:pooled"]),
)
def test_tables_of_anything(tmp_path, reader, table, option):
    columns, rows = table
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    read(path)
    read(path, f"reader:{reader}")
    read(path, f"reader:{reader}", option)
    lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows]
    (tmp_path / "x.jsonl").write_text("\n".join(lines), encoding="utf-8")
    read(tmp_path / "x.jsonl", f"reader:{reader}", option)


NAMES = ("user", "order", "shown", "chosen", "score", "response")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["A>B", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@QUIET
@given(
    st.sampled_from(TABLES),
    st.lists(
        st.fixed_dictionaries(dict.fromkeys(("user", "order", "shown", "chosen", "score", "response"), JSON)),
        max_size=4,
    ),
)
def test_json_of_anything(tmp_path, reader, rows):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    read(path, f"reader:{reader}", "min-users:1")


@QUIET
@given(st.binary(max_size=200), st.sampled_from(sorted({e for one in READERS.values() for e in one.endings} - {"/"})))
def test_bytes_of_anything(tmp_path, content, ending):
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    read(path)


@QUIET
@given(st.text(alphabet='METAPROJCSVx;,\n\r"01234 votenum_y-', max_size=200))
def test_budgets_of_anything(tmp_path, text):
    path = tmp_path / "x.pb"
    path.write_text(
        f"META\nkey;value\nvote_type;ordinal\nPROJECTS\nproject_id\n1\n2\nVOTES\nvoter_id;vote\n1;2,1\n{text}",
        encoding="utf-8",
        newline="",
    )
    read(path)


def test_bombs_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**5, 10**4)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("ratings.npy", "w") as member:
        member.write(header.getvalue())
        for _ in range(10):
            member.write(b"\0" * 10**6)
    monkeypatch.setattr("ualign_env._files.MAX_FILE", 10**7)
    with pytest.raises(ValueError, match="it unpacks to 10,000,128 bytes, but at most 10,000,000 are read"):
        load_scenario(path)
    monkeypatch.undo()
    huge = tmp_path / "huge.npy"
    huge.write_bytes(header.getvalue())  # declares 8 GB that are not there
    with pytest.raises(ValueError, match=r"huge\.npy: is no array, or damaged"):
        load_scenario(huge)
    for name in ("garbage.csv", "garbage.jsonl", "garbage.pb", "garbage.parquet", "garbage.npy"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(10**9)
        with pytest.raises(ValueError, match="has 1,000,000,000 bytes, but at most 500,000,000 are read"):
            load_scenario(tmp_path / name)
    (tmp_path / "deep.jsonl").write_text('{"user": ' + "[" * 100_000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"deep\.jsonl:1: cannot be read as JSON lines"):
        load_scenario(tmp_path / "deep.jsonl")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"device\.csv: is no file"):
        load_scenario(tmp_path / "device.csv")
