from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import pytest

from ualign_env import Population, load_game, load_scenario, robust_win_rate
from ualign_env.readers.preflib import read_preflib

SOC = """# FILE NAME: 1.soc
# TITLE: colours
# NUMBER ALTERNATIVES: 3
# NUMBER VOTERS: 5
# NUMBER UNIQUE ORDERS: 2
# ALTERNATIVE NAME 1: red: light
# ALTERNATIVE NAME 2: green
# ALTERNATIVE NAME 3: blue
3: 2,1,3
2: 3, 2, 1
"""


@pytest.fixture
def soc(tmp_path):
    def write(text, name="1.soc"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_reads_counts_rankings_and_names(soc):
    (population,) = read_preflib(soc(SOC)).populations
    assert population.responses == ("red: light", "green", "blue")
    assert population.n_users == 5
    np.testing.assert_allclose(population.favourites(), [0, 0.6, 0.4])
    assert population == Population.from_rankings([[1, 0, 2], [2, 1, 0]], [3, 2], population.responses)


def test_a_path_is_a_spec(soc, tmp_path, monkeypatch):
    path = soc(SOC, "colours (2, old)=x.soc")
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario(path.name)
    assert scenario.prompts == ("colours (2, old)=x",)
    assert scenario.name == path.name
    # its own spec holds the content, and works where the file is not
    path.unlink()
    assert load_scenario(scenario.spec) == scenario
    assert load_game(scenario, 3).scenario == scenario


def test_files_take_options_as_names_do(soc, tmp_path, monkeypatch):
    path = soc(SOC, "colours.soc")
    monkeypatch.chdir(tmp_path)
    for spec in ("colours.soc/unranked:drop", f"{path}/unranked:drop"):
        scenario = load_scenario(spec)
        assert (scenario.n_prompts, scenario.name) == (1, spec)
        assert scenario.prompts == ("colours",)
    assert load_scenario("colours.soc/unranked:bottom") == load_scenario("colours.soc")
    with pytest.raises(ValueError, match=r"colours\.soc: unknown option 'ranked'; did you mean 'unranked'"):
        load_scenario("colours.soc/ranked:no")
    with pytest.raises(ValueError, match=r"colours\.soc: unknown unranked 'two'; known: bottom, drop"):
        load_scenario("colours.soc/unranked:two")
    (tmp_path / "old.soc").mkdir()
    nested = soc(SOC, "old.soc/new.soc")
    assert load_scenario(nested) == load_scenario("old.soc/new.soc/unranked:bottom")


def test_other_formats_are_named(tmp_path):
    path = tmp_path / "x.cat"
    path.write_text("")
    with pytest.raises(ValueError, match=r"cannot read '.*x\.cat': only files that end in .*\.soc"):
        load_scenario(path)


def test_byte_order_marks_and_windows_line_ends(tmp_path, soc):
    path = tmp_path / "windows.soc"
    path.write_bytes(b"\xef\xbb\xbf" + SOC.replace("\n", "\r\n").encode())
    assert read_preflib(path).populations == read_preflib(soc(SOC)).populations


def test_equal_names_are_told_apart(soc):
    text = SOC.replace("3: blue", "3: green")
    assert read_preflib(soc(text)).populations[0].responses == ("red: light", "green", "green (3)")


def test_names_are_optional(soc):
    text = "\n".join(line for line in SOC.splitlines() if "NAME 2" not in line)
    assert read_preflib(soc(text)).populations[0].responses == ("red: light", "2", "blue")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("3: 2,1,3", "3: 2"), r"1.soc:9: '2' does not rank each of the 3 alternatives once"),
        (lambda s: s.replace("3: 2,1,3", "3: 2,1,1"), r"1.soc:9: '2,1,1' does not rank"),
        (lambda s: s.replace("3: 2,1,3", "3: 2,1,4"), r"1.soc:9: '2,1,4' does not rank"),
        (lambda s: s.replace("3: 2,1,3", "3: {2,1},3"), r"1.soc:9: .3: \{2,1\},3. is not of the form 'count: 3,1,2'"),
        (lambda s: s.replace("3: 2,1,3", "2,1,3"), r"1.soc:9: '2,1,3' is not of the form"),
        (lambda s: s.replace("3: 2,", "0: 2,").replace("2: 3,", "0: 3,"), r"1.soc:10: ends before the first ranking"),
        (
            lambda s: s[: s.index("2: 3, 2")],
            r"1.soc:9: ends with number voters at 3, but line 4 says 5; is the file truncated",
        ),
        (lambda s: s[: s.index("3: 2,1,3")], r"1.soc:8: ends before the first ranking"),
        (lambda s: s.replace("# NUMBER ALTERNATIVES: 3\n", ""), r"1.soc:1: has no line '# NUMBER ALTERNATIVES: ...'"),
        (
            lambda s: s.replace("VES: 3", "VES: three"),
            r"1.soc:3: NUMBER ALTERNATIVES is 'three', but must be a positive",
        ),
        (
            lambda s: s.replace("VES: 3", "VES: 999999999999"),
            "999,999,999,999 alternatives on 11 lines are more than",
        ),
        (lambda s: s.replace("3: 2,1,3", "9" * 400 + ": 2,1,3"), r"1.soc:9: '9+' is not of the form"),
        (lambda _: "", r"1.soc:1: ends before the first ranking"),
    ],
)
def test_malformed_files_name_file_and_line(soc, change, message):
    changed = change(SOC)
    assert changed != SOC
    with pytest.raises(ValueError, match=message):
        read_preflib(soc(changed))


def test_unreadable_files(tmp_path):
    with pytest.raises(ValueError, match=r"none\.soc: no such file"):
        read_preflib(tmp_path / "none.soc")
    (tmp_path / "binary.soc").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.soc: cannot be read as text"):
        read_preflib(tmp_path / "binary.soc")
    (tmp_path / "folder.soc").mkdir()
    with pytest.raises(ValueError, match=r"folder\.soc: is no file"):
        read_preflib(tmp_path / "folder.soc")


def test_padding_is_no_content(soc):
    text = SOC.replace("3: 2,1,3", "0000000000000000000003 :         2,1 ,         3  ")
    text = text.replace("2: 3, 2, 1", "2:003,0000000000002,1")
    text = text.replace("ALTERNATIVES: 3", "ALTERNATIVES: 0000000000000000000003")
    assert load_scenario(soc(text)) == load_scenario(soc(SOC))
    for digits in ("٣", "1" * 16, "0" * 30):
        with pytest.raises(ValueError, match=r"1\.soc:9: "):
            load_scenario(soc(SOC.replace("3: 2,1,3", f"3: 2,1,{digits}")))


def test_repeated_names_are_told_apart(soc):
    text = SOC.replace("red: light", "a").replace("green", "a (3)").replace("blue", "a")
    assert load_scenario(soc(text)).populations[0].responses == ("a", "a (3)", "a (3) (3)")


INCOMPLETE = """# NUMBER ALTERNATIVES: 4
# NUMBER VOTERS: 7
# NUMBER UNIQUE ORDERS: 4
3: 1,2
2: 3
1: 4,3,2,1
1: 2,1,3
"""


def exact_win_rate(users, policy, k):
    """Returns the robust win rate by counting, in fractions: users are pairs of a weight and groups, best first."""
    n = len(policy)
    rates = []
    for opponent in range(n):
        lost = Fraction(0)
        for shown in product(range(n), repeat=k):
            chance = prod((policy[y] for y in shown), start=Fraction(1))
            for weight, groups in users:
                slots = (opponent, *shown)
                best = min(next(place for place, group in enumerate(groups) if y in group) for y in slots)
                liked = [y for y in slots if y in groups[best]]
                if opponent in groups[best]:
                    lost += chance * weight * Fraction(1, len(liked))
        rates.append(1 - lost)
    return min(rates)


@pytest.mark.parametrize(
    ("unranked", "groups", "n_users", "favourites"),
    [
        (
            "bottom",
            [(3, [{0}, {1}, {2, 3}]), (2, [{2}, {0, 1, 3}]), (1, [{3}, {2}, {1}, {0}]), (1, [{1}, {0}, {2}, {3}])],
            7,
            [Fraction(3, 7), Fraction(1, 7), Fraction(2, 7), Fraction(1, 7)],
        ),
        (
            "drop",
            [(1, [{3}, {2}, {1}, {0}]), (1, [{1}, {0}, {2}, {3}])],
            2,
            [Fraction(0), Fraction(1, 2), Fraction(0), Fraction(1, 2)],
        ),
    ],
)
def test_incomplete_rankings(soc, unranked, groups, n_users, favourites):
    scenario = load_scenario(f"{soc(INCOMPLETE, 'x.soi')}/unranked:{unranked}")
    (users,) = scenario.populations
    assert users.n_users == n_users
    np.testing.assert_allclose(users.favourites(), [float(share) for share in favourites], atol=1e-15)
    weighted = [(Fraction(weight, n_users), places) for weight, places in groups]
    uniform = [Fraction(1, 4)] * 4
    expected = {"bottom": (Fraction(628, 1029), Fraction(187, 336)), "drop": (Fraction(2, 3), Fraction(13, 24))}
    for policy, name, known in zip(
        (favourites, uniform), ("random-dictatorship", "uniform"), expected[unranked], strict=True
    ):
        exact = exact_win_rate(weighted, policy, 2)
        assert exact == known
        assert robust_win_rate(scenario, name, 2) == pytest.approx(float(exact), abs=1e-14)
    done = {"bottom": "those that they left out tie at the bottom", "drop": "left out"}[unranked]
    assert scenario.notes == (f"5 of 7 voters ranked some of the 4 alternatives: {done}",)


def test_one_alternative_left_out_is_the_last(soc):
    text = "# NUMBER ALTERNATIVES: 3\n2: 1,2\n1: 2,3\n"
    complete = "# NUMBER ALTERNATIVES: 3\n2: 1,2,3\n1: 2,3,1\n"
    for option in ("bottom", "drop"):
        scenario = load_scenario(f"{soc(text, 'x.soi')}/unranked:{option}")
        assert scenario.populations == load_scenario(soc(complete)).populations
        assert scenario.notes == ()


def test_ties(soc):
    text = "# NUMBER ALTERNATIVES: 4\n2: {1,3},2,4\n1: { 2 , 4 },{1}\n0: 1,2,3,4\n"
    scenario = load_scenario(soc(text, "x.toi"))
    assert scenario.populations[0] == Population.from_scores(
        [[2, 1, 2, 0], [1, 2, 0, 2]], [2, 1], scenario.populations[0].responses
    )
    assert scenario.notes == ("1 line without a voter: left out",)


@pytest.mark.parametrize(
    "line",
    ["1: {1,2", "1: 1,2}", "1: {},1", "1: {1,{2}}", "1: 1,,2", "1: 1,1", "1: {1,2},1", "1: 5", "1: 0", "1:", "1: 1;2"],
)
def test_malformed_orders(soc, line):
    with pytest.raises(ValueError, match=r"x\.toi:2: "):
        load_scenario(soc(f"# NUMBER ALTERNATIVES: 4\n1: {line}\n", "x.toi"))


def test_huge_declarations_are_refused_at_once(soc):
    with pytest.raises(ValueError, match="1,000,000,000 alternatives on 3 lines are more than the 200,000,000 ranks"):
        load_scenario(soc("# NUMBER ALTERNATIVES: 1000000000\n1: 1\n", "x.soi"))


def test_unknown_treatment(soc):
    with pytest.raises(ValueError, match="unknown unranked 'top'; known: bottom, drop"):
        load_scenario(f"{soc(INCOMPLETE, 'x.soi')}/unranked:top")
    with pytest.raises(ValueError, match="ranked all 3 alternatives, and unranked 'drop' leaves out the others"):
        load_scenario(f"{soc('# NUMBER ALTERNATIVES: 3' + chr(10) + '1: 2', 'y.soi')}/unranked:drop")


DATA = Path(__file__).parents[2] / "shared" / "data" / "preflib"


@pytest.mark.skipif(not DATA.exists(), reason="the data are not part of the package")
@pytest.mark.parametrize("path", sorted(DATA.glob("*.*")), ids=lambda path: path.name)
def test_real_files_load_with_the_counts_of_their_headers(path):
    header = dict(line[2:].split(": ", 1) for line in path.read_text().splitlines() if line.startswith("# NUMBER"))
    (users,) = load_scenario(path).populations
    assert users.n_users == int(header["NUMBER VOTERS"])
    assert users.n_responses == int(header["NUMBER ALTERNATIVES"])
    assert users.n_types <= int(header["NUMBER UNIQUE ORDERS"])


@pytest.mark.skipif(not DATA.exists(), reason="the data are not part of the package")
def test_unranked_at_the_bottom_is_what_preflib_makes_of_it():
    """PrefLib publishes the completed form of this election, made from the incomplete one."""
    incomplete, completed = (load_scenario(DATA / f"00002-00000003.{ending}") for ending in ("soi", "toc"))
    assert incomplete.populations == completed.populations


@pytest.mark.parametrize(("ending", "order"), [("soc", "{1,2},3"), ("soi", "{1,2},3"), ("soc", "1"), ("toc", "{1}")])
def test_endings_are_promises(soc, ending, order):
    with pytest.raises(ValueError, match=rf"x\.{ending}:2: .*(is not of the form|does not rank each)"):
        load_scenario(soc(f"# NUMBER ALTERNATIVES: 3\n1: {order}\n", f"x.{ending}"))
