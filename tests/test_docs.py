"""The pages do what they say: code runs, formulas have tests, commands exist, and the site is whole."""

import inspect
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from types import FunctionType
from typing import Any

import pettingzoo
import pytest
import typer
from doc_pages import DOCS, PAGES, ROOT, blocks
from typer.testing import CliRunner

import ualign_env as ua
from ualign_env import llm, plots, registration, testing
from ualign_env.benchmark.agents import list_agents
from ualign_env.benchmark.suite import list_suites
from ualign_env.cli import application, flags
from ualign_env.solvers.baselines import BASELINES
from ualign_env.sources import SOURCES

RUNNABLE = [name for name, text in PAGES.items() if blocks(text)]
NEEDS = {"reinforcement-learning": "stable_baselines3", "generalisation": "torch"}

#: Runs blocks in one namespace, as a reader would, and hands back what each printed.
RUNNER = """
import contextlib, io, json, pathlib, sys
printed, names = [], {"__name__": "__main__"}
for block in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(block, "<page>", "exec"), names)
    printed.append(out.getvalue())
pathlib.Path(sys.argv[2]).write_text(json.dumps(printed))
"""


@pytest.mark.parametrize("name", RUNNABLE)
def test_pages_run_from_top_to_bottom(name, tmp_path):
    for part, module in NEEDS.items():
        if part in name:
            pytest.importorskip(module)
    if "pettingzoo.make" in PAGES[name] and not hasattr(pettingzoo, "make"):
        pytest.skip("PettingZoo has a registry since 1.27")
    code, said = zip(*blocks(PAGES[name]), strict=True)
    (tmp_path / "blocks.json").write_text(json.dumps(code))
    command = [sys.executable, "-W", "error", "-c", RUNNER, tmp_path / "blocks.json", tmp_path / "printed.json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    printed = json.loads((tmp_path / "printed.json").read_text())
    assert printed == list(said)


def test_every_suite_is_two_clicks_away():
    page = PAGES["examples/docs/benchmark/index.md"]  # to which the first page leads
    assert all(f"](../suites/{name}.md)" in page for name in list_suites())


def test_every_word_of_inspect_is_explained():
    page = PAGES["examples/docs/concepts/inspection.md"]
    for spec in ("five-winners", "mallows/prompts:2"):
        said = CliRunner().invoke(application(), ["inspect", spec]).output.split("\n\n")[1]
        rows = said.splitlines()
        words = [re.split("  +", row)[0] for row in rows] if spec == "five-winners" else re.split("  +", rows[0])
        for word in {re.sub(r"of \d", "of i", word) for word in words}:
            assert word.removeprefix("Condorcet ") in page, word
    for policy in ("nlhf, best", "U-alignment limit", "ercentage points", "separates nothing"):
        assert policy in page


def test_the_notebook_runs_in_a_plain_kernel(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel sets its own
    notebook = nbformat.read(ROOT / "examples" / "tour.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # as it is kept
    with monkeypatch.context() as elsewhere:
        elsewhere.chdir(tmp_path)
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 4
    assert not any("object at 0x" in str(output) or "Scorecard(" in str(output) for output in outputs)
    assert any("robust win rate 0.7" in str(output) for output in outputs)  # of what was learned from picks


def test_all_python_is_run():
    for name, text in PAGES.items():
        assert text.count("```py") == len(blocks(text)), name


def formulas(text: str) -> list[str]:
    """Returns what follows each formula that stands alone."""
    return re.findall(r"^\$\$.*?\$\$\n+(.*)$", text, re.MULTILINE)


def test_every_formula_names_a_test_that_exists():
    found = 0
    for name, text in PAGES.items():
        for after in formulas(text):
            tests = re.findall(r"\[(test_\w+)\]\(([\w./]+)\)", after)
            assert after.startswith("*Tested by ["), (name, after)
            assert tests
            for test, path in tests:
                source = (ROOT / name).parent / path
                assert f"def {test}(" in source.read_text(encoding="utf-8"), (name, test)
                found += 1
    assert found >= 15


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(application())
    return group.commands


COMMAND = re.compile(r"\bualign ([a-z-]+)((?: [^`\n&|#]*)?)")


@pytest.mark.parametrize("name", PAGES)
def test_commands_and_their_options_exist(name):
    known = commands()
    spans = re.findall(r"`([^`\n]+)`", PAGES[name]) + re.findall(r"```bash\n(.*?)```", PAGES[name], re.DOTALL)
    for line in (line for span in spans for line in span.splitlines()):
        for command, rest in COMMAND.findall(line):
            assert command in known, line
            given = [f"{flag}=" for flag in re.findall(r"(?<!\S)(--[a-z-]+)", rest)]
            flags.taken(given, known[command].get_params(typer.Context(known[command])))  # which refuses others


def test_commands_that_take_other_options_are_found():
    command = commands()["list"]
    with pytest.raises(ValueError, match="No such option: --user"):
        flags.taken(["--user="], command.get_params(typer.Context(command)))


def test_links_lead_somewhere():
    """Those within the repository; the site checks those to pages that it makes."""
    for name, text in PAGES.items():
        for link in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", text):
            path = ((ROOT / name).parent / link).resolve()
            generated = name.startswith("examples/docs/") and path.is_relative_to(DOCS)
            assert generated or path.exists(), (name, link)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as everybody builds it, where a warning is an error."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "-q", "-f", ROOT / "examples" / "mkdocs.yml", "-d", folder]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "WARNING -" not in ended.stderr
    return folder


def names_of(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.html")} - {"index"}


def test_every_entry_of_every_table_has_a_page(site):
    assert names_of(site / "agents") == set(list_agents()) - set(BASELINES)
    assert names_of(site / "baselines") == set(BASELINES)
    assert names_of(site / "suites") == set(list_suites())
    assert names_of(site / "scenarios") == set(SOURCES)
    fields = set(ua.Scorecard.__dataclass_fields__) - {"scenario", "k", "l"}
    assert names_of(site / "metrics") == fields | {"models"}  # of what ualign evaluate says
    environments = [*registration.GYMNASIUM, *registration.PETTINGZOO]
    games = names_of(site / "games")
    for one in environments:
        assert any(page.endswith(one.id.replace("/", "-").lower()) for page in games), one.id
    assert len(games) == len(environments) + 4


def test_every_public_name_is_in_the_reference(site):
    text = "".join(path.read_text(encoding="utf-8") for path in (site / "reference").glob("*.html"))
    for name in ua.__all__:
        assert f'id="ualign_env.{name}"' in text, name
    for module in (llm, testing):
        for name in module.__all__:
            assert f'id="{module.__name__}.{name}"' in text, name


def members_of(made: type) -> dict[str, str]:
    """Returns the public methods and properties of a class of ours, and the class where each is documented."""
    found = {}
    for name in (name for name in dir(made) if not name.startswith("_")):
        for one in made.__mro__:
            member = inspect.getattr_static(one, name, None) if name in one.__dict__ else None
            kinds = (property, cached_property, classmethod, staticmethod)
            if not one.__module__.startswith("ualign_env.") or not isinstance(member, (FunctionType, *kinds)):
                continue
            if member.__doc__:
                found[name] = f"{one.__module__}.{one.__qualname__}"
                break
    return found


def test_every_public_member_is_on_the_page_of_its_class_or_linked_from_there(site):
    pages = {path: path.read_text(encoding="utf-8") for path in (site / "reference").glob("*.html")}
    classes = [getattr(ua, name) for name in ua.__all__ if isinstance(getattr(ua, name), type)]
    inherited = 0
    for made in classes:
        here = f"{made.__module__}.{made.__qualname__}"
        (page,) = (text for text in pages.values() if f'id="{here}"' in text)
        for name, owner in members_of(made).items():
            assert sum(f'id="{owner}.{name}"' in text for text in pages.values()) == 1, (here, name)
            if owner != here:
                assert re.search(rf'href="[\w-]*(\.html)?#{re.escape(owner)}\.{name}"', page), (here, name)
                inherited += 1
    assert members_of(ua.SharedPolicy)["average"] == "ualign_env.policies.tables.PolicyTable"
    assert inherited > 150


def undocumented(name: str, made: Callable[..., Any]) -> list[str]:
    """Returns the arguments of which a docstring says nothing, and `Raises` where it says nothing of errors."""
    text, told = inspect.getdoc(made) or "", inspect.signature(made).parameters.values()
    named = [one.name for one in told if not one.name.startswith("_") and one.name != "self"]
    said = text.partition("Args:\n")[2]
    missing = [f"{name}: {one}" for one in named if not re.search(rf"^ +\**{one}( \(.*\))?: ", said, re.MULTILINE)]
    return missing + [f"{name}: Raises"] * (bool(named) and "Raises:\n" not in text and name not in TRUSTING)


#: What refuses nothing, as functions that draw what others returned.
TRUSTING = {
    f"plots.{name}" for name in ("curve", "sample_curve", "family", "solved", "versus", "evaluation", "inspection")
}
TRUSTING |= {"Inline"}


def test_every_argument_and_error_of_public_functions_is_documented():
    public = {name: getattr(ua, name) for name in ua.__all__}
    public |= {f"llm.{name}": getattr(llm, name) for name in llm.__all__}
    public |= {f"testing.{name}": getattr(testing, name) for name in testing.__all__}
    public |= {
        f"plots.{name}": one
        for name, one in vars(plots).items()
        if name[0] != "_" and getattr(one, "__module__", "") == plots.__name__
    }
    found = []
    for name, made in public.items():
        if isinstance(made, FunctionType):
            found += undocumented(name, made)
        elif isinstance(made, type) and "__init__" in vars(made) and made.__init__.__doc__:
            found += undocumented(name, made.__init__)
    assert found == []
    assert undocumented("twin", broken_twin) == ["twin: b", "twin: Raises"]


def broken_twin(a: int, b: int) -> int:
    """Adds.

    Args:
        a: a number.
    """
    return a + b


def test_pages_of_other_people_s_work_lead_to_how_it_is_cited(site):
    pages = [site / "index.html"]
    for folder in ("scenarios", "baselines", "agents"):
        pages += [path for path in (site / folder).glob("*.html") if path.stem != "index"]
    assert len(pages) > 40
    for path in pages:
        (text,) = re.findall(r"<article.*</article>", path.read_text(encoding="utf-8"), re.S)  # not its navigation
        assert re.search(r'href="(\.\./)?cite\.html"', text), path
    said = re.sub("<[^>]*>", "", (site / "cite.html").read_text(encoding="utf-8"))
    assert (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()[0] in said


def test_bars_in_tables_are_not_seen_escaped(site):
    assert [path for path in site.rglob("*.html") if "\\|" in path.read_text(encoding="utf-8")] == []


def test_every_command_is_in_the_reference(site):
    text = (site / "cli.html").read_text(encoding="utf-8")
    for name in commands():
        assert f'id="ualign-{name}"' in text
        assert f"Usage: ualign {name} " in text


def test_version_histories_are_those_of_the_registry(site):
    for one in [*registration.GYMNASIUM, *registration.PETTINGZOO]:
        (path,) = (site / "games").glob(f"*{one.id.replace('/', '-').lower()}.html")
        text = path.read_text(encoding="utf-8").partition("Version History")[2]
        for version, what in enumerate(one.history):
            assert f"v{version}: {what}" in text


class Fetched(HTMLParser):
    """Notes what a page fetches from elsewhere."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        address = named.get("src") or (named.get("href") if tag == "link" and named.get("rel") != "canonical" else None)
        if address and re.match(r"(https?:)?//", address):
            self.found.append(address)


def test_nothing_is_fetched_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 150
    for path in pages:
        parser = Fetched()
        parser.feed(path.read_text(encoding="utf-8"))
        assert parser.found == [], path
    twin = Fetched()
    twin.feed('<script src="https://unpkg.com/x"></script><link rel="stylesheet" href="//fonts.example/x.css">')
    assert len(twin.found) == 2


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


SHOWN = ("index", "start/open-spiel", "concepts/game", "concepts/computation", "agents/cfr", "benchmark/index", "cli")


@pytest.mark.parametrize("page", SHOWN)
def test_pages_fit_a_telephone(site, browser, page):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    browser.get(f"file://{site}/{page}.html")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_the_search_works_without_a_server(site, browser):
    browser.get(f"file://{site}/index.html")
    browser.execute_script(
        "const box = document.querySelector('[data-md-component=search-query]');"
        "box.focus(); box.value = 'exploitability'; box.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));"
    )
    results = "return document.querySelectorAll('.md-search-result__item').length"
    for _ in range(100):
        if browser.execute_script(results):
            break
        time.sleep(0.1)
    assert browser.execute_script(results) > 3


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "gallery").glob("*.py")), ids=lambda path: path.stem)
def test_pictures_are_drawn_by_short_scripts(site, path):
    """The site has run them; a gallery is to copy from."""
    assert len(path.read_text(encoding="utf-8").splitlines()) < 40
    assert len(list((site / "gallery").glob(f"{path.stem}.*"))) == 1
