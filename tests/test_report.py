"""The page and the tables that are made of results: whole, small, and as a browser shows them."""

import csv
import json
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import ualign_env as ua
from ualign_env.benchmark.reporting.charts import Axis, Line, chart
from ualign_env.benchmark.reporting.crossplay import cross_play
from ualign_env.benchmark.reporting.page import page
from ualign_env.benchmark.reporting.standings import boards
from ualign_env.benchmark.reporting.write import markdown, summary, table, write_report
from ualign_env.benchmark.store import Store

SUITE = """
name = "small"
version = 1
title = "for tests"
agents = ["mirror-descent", "nlhf", "cfr-plus", "exp3", "pairs-dpo"]

[[task]]
scenario = "german-goals"
k = [1, 64]

[[task]]
scenario = "mallows/responses:4/prompts:2"
k = [2]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("results")
    (place / "small.toml").write_text(SUITE)
    ua.Benchmark(str(place / "small.toml"), steps=12).run(out=place / "out")
    return place / "out"


@pytest.fixture(scope="module")
def results(folder):
    return list(Store(folder).read().results.values())


class Balanced(HTMLParser):
    """Notices tags that are not closed, and what is fetched from elsewhere."""

    VOID = ("meta", "link", "path", "br")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.fetched = [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        linked = ("src", "srcset", *["href"] * (tag == "link"))
        self.fetched += [value for name, value in attrs if name in linked]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_alone(folder):
    report = write_report(folder)
    assert (report.runs, report.damaged) == (27, {})
    text = report.page.read_text(encoding="utf-8")
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert len(set(parser.ids)) == len(parser.ids)
    assert parser.fetched == ["data:,"]
    assert not re.search(r"url\(|@import|https?://(?!arxiv)", text)
    for title in ("exact payoffs", "the game tree", "picks of users", "comparisons of two"):
        assert title in text
    assert "cannot start" in text
    assert "the tree of 65 players would have" in text
    assert text.count("<svg") == 4 + 2 * 3 * 4 - 1  # nobody with a tree learned anything for k = 64
    again = write_report(folder).page.read_text(encoding="utf-8")
    assert again == text


def test_names_cannot_break_the_page(results):
    wild = [replace(one, agent='<img src=x onerror="alert(1)">&', task="</script>'\"") for one in results]
    text = page(wild, "<b>t</b>", "<i>c</i>", {"a": "<u>"})
    parser = Balanced()
    parser.feed(text)
    assert "<img" not in text
    assert "<b>t</b>" not in text
    assert text.count("</script>") == 1


def test_tables_say_what_the_results_say(folder, results):
    write_report(folder)
    rows = list(csv.DictReader((folder / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(results)
    shortfalls = {result.digest: result.shortfall for result in results}
    assert {row["digest"]: float(row["shortfall"]) for row in rows} == shortfalls
    lines = [json.loads(line) for line in (folder / "summary.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["digest"] for line in lines} == set(shortfalls)
    assert not {"policy", "scorecard", "output"} & set(lines[0])
    text = (folder / "leaderboard.md").read_text(encoding="utf-8")
    for board in boards(results):
        for row in board.standings:
            assert f"| {row.agent} | {'-' if row.rank is None else row.rank} | {row.score.value:.2f} |" in text
    assert "| cfr-plus | cannot start | 1 |" in text
    assert table([]).count("\n") == 1
    assert summary(results[0])["trace"] == results[0].to_dict()["trace"]
    assert markdown(boards(results), results) == text


def test_what_is_damaged_is_told_and_left_out(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    path = next((tmp_path / "copy" / "results").glob("*/*.json"))
    path.write_text(path.read_text()[:100])
    report = write_report(tmp_path / "copy")
    assert report.runs == 26
    assert list(report.damaged) == [f"{path.parent.name}/{path.name}"]
    with pytest.raises(ValueError, match="holds no results: ualign bench --out"):
        write_report(tmp_path / "nothing")


def test_versions_of_a_suite_are_not_mixed(results):
    mixed = [*results[:3], *(replace(one, suite="small 2") for one in results[3:])]
    with pytest.raises(ValueError, match="results of several suites cannot be compared: small 1, small 2"):
        page(mixed, "t", "c", {})


def test_cross_play_is_what_the_payoffs_say(results):
    own = [one for one in results if one.information == "exact"]
    tasks = [("german-goals", 1, 1), ("german-goals", 64, 1)]
    matrix = cross_play(own, ["mirror-descent", "nlhf", "nobody"], tasks)
    assert matrix is not None
    policies = {(one.agent, one.k): one.policy[0] for one in own if one.task == "german-goals" and one.policy}
    for i, mine in enumerate(("mirror-descent", "nlhf")):
        for j, yours in enumerate(("mirror-descent", "nlhf")):
            met = [(k, policies[mine, k], policies[yours, k]) for k in (1, 64)]
            expected = np.mean([ua.win_rate("german-goals", one, k, other, l=1) for k, one, other in met])
            assert matrix[i, j] == pytest.approx(expected)
    assert np.isnan(matrix[2]).all()
    gone = [replace(one, scenario_digest="another") for one in own]
    assert cross_play(gone, ["nlhf"], tasks) is None


def test_charts_have_a_line_each_and_end_where_nothing_is_known():
    xs = np.geomspace(1, 1000, 200)
    lines = [
        Line("a", xs, np.linspace(0, 1, 200), np.zeros(200), np.ones(200)),
        Line("<b>", xs, np.full(200, np.nan)),
        Line("c", xs[:1], np.ones(1)),
    ]
    text = chart("t", lines, Axis("x", 1, 1000, log=True), Axis("y", 0, 1), steps=True)
    assert text.count('class="line') == 2
    assert text.count('class="band') == 1
    assert len(text) < 4000  # 40 points of 200
    assert [label for _, label in Axis("k", 1, 64, log=True).ticks()] == ["1", "2", "4", "8", "16", "32", "64"]
    assert Axis("y", 1e-10, 1, log=True).place(np.array([1e-10, 1, 0, 5])).tolist() == [0, 1, 0, 1]


def many(results, runs=2000):
    """Returns results of 20 agents on 30 tasks, as many runs as are wanted."""
    learned = next(one for one in results if one.agent == "exp3" and one.k == 64)
    rng, found = np.random.default_rng(0), []
    for i in range(runs):
        seed, rest = divmod(i, 600)
        agent, task = divmod(rest, 30)
        factor = float(np.exp(rng.normal()))
        trace = tuple(replace(look, shortfall=look.shortfall * factor) for look in learned.trace)
        more = {"agent": f"agent-{agent}", "task": f"task-{task}", "seed": seed, "trace": trace, "digest": str(i)}
        found.append(replace(learned, **more))
    return found


def test_a_page_of_two_thousand_runs_is_below_a_megabyte(results):
    text = page(many(results), "many", "ualign bench", {})
    assert len(text.encode()) < 1_000_000
    assert text.count("<tr>") > 20


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; where it is missing, CI fails and others skip."""
    if "CI" not in os.environ:
        pytest.importorskip("selenium")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    binary, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (binary and driver):
        if "CI" in os.environ:
            pytest.fail("the page is not looked at: apt-get install chromium chromium-driver")
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    found.set_page_load_timeout(120)
    yield found
    found.quit()


def opened(browser, folder, width=1200, *, dark=False, scripts=True):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    browser.get(write_report(folder).page.as_uri())
    return browser


def test_a_browser_sorts_and_shows_one_class_at_a_time(browser, folder):
    opened(browser, folder)
    shown = "return [...document.querySelectorAll('main > section')].filter(x => x.offsetHeight).map(x => x.id)"
    assert browser.execute_script(shown) == ["board0"]
    browser.find_element("css selector", "nav a[href='#board2']").click()
    assert browser.execute_script(shown) == ["board2"]
    browser.find_element("css selector", "nav a[href='#how']").click()
    assert browser.execute_script(shown) == ["how"]
    browser.find_element("css selector", "nav a[href='#board0']").click()
    rows = "[...document.querySelectorAll('#board0 table.board tbody tr')]"
    cells = f"return {rows}.map(x => x.cells[arguments[0]].innerText)"
    names = browser.execute_script(cells, 0)
    button = browser.find_elements("css selector", "#board0 table.board th button")[0]
    button.click()
    assert browser.execute_script(cells, 0) == sorted(names)
    button.click()
    assert browser.execute_script(cells, 0) == sorted(names, reverse=True)
    browser.find_elements("css selector", "#board0 table.board th button")[2].click()
    scores = [float(text) for text in browser.execute_script(cells, 2)]
    assert scores == sorted(scores)
    assert browser.get_log("browser") == []


def test_a_browser_shows_it_on_a_phone_in_the_dark_and_without_scripts(browser, folder):
    opened(browser, folder, 390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    light = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    opened(browser, folder, 390, dark=True)
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert light == "rgb(255, 255, 255)"
    assert dark not in (light, "rgba(0, 0, 0, 0)")
    opened(browser, folder, scripts=False)
    text = browser.find_element("tag name", "body").text
    for title in ("exact payoffs", "the game tree", "picks of users", "comparisons of two", "How to cite"):
        assert title in text
    opened(browser, folder)
    assert browser.get_log("browser") == []
