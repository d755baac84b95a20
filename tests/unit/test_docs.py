import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from handbook.reference.settings import shown
from rerankq import errors
from rerankq.cli.commands import COMMANDS
from rerankq.contract import JobState
from rerankq.secret_files import SECRETS, file_name_of
from rerankq.settings import ClientSettings
from rerankq.store.keys import Keys
from rerankq.variables import OTHER_NAMES, PREFIX
from rerankq_gateway.settings import GatewaySettings
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream import errors as upstream

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
SCRIPTS = sorted(Path(str(files("rerankq"))).glob("*/lua/*.lua"))

SERVICES = ("up", "worker", "gateway", "sandbox", "flower")
"""Commands that run until they are stopped; the acceptance tests start them."""

RUN_BY = {
    "README.md": "tests/acceptance/test_readme.py",
    "README.zh-CN.md": "tests/acceptance/test_readme.py",  # which runs the same blocks
    "docs/quickstart.md": "tests/acceptance/test_examples.py",
    "docs/batches.md": "tests/integration/client/test_batches_page.py",
    "docs/usage.md": "tests/integration/client/test_usage.py",
    "docs/testing.md": "tests/integration/testing/test_documented.py",
}
"""Pages whose blocks of Python are run, and the tests that do it."""
NOT_RUN = {
    "docs/drop-in.md": "needs a client of others; tests/acceptance/clients has such programs",
    "docs/openai-batches.md": "the same",
    "docs/events.md": "parts of programs that listen",
    "docs/flower.md": "a module for Celery's own programs",
    "docs/history.md": "a part of a program",
    "docs/redis.md": "parts of programs, which need a Redis at its usual port",
    "docs/tenants.md": "a part of a program",
    "docs/webhooks.md": "functions of the reader's own program",
}
"""Pages whose blocks of Python are not run, and why; all of them are read."""

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? *\|", re.MULTILINE)
ASSIGNMENT = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def each_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_readme = pytest.mark.parametrize("readme", READMES, ids=each_name)
each_page = pytest.mark.parametrize("page", PAGES, ids=each_name)


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def settings_with_defaults() -> Iterator[tuple[str, str]]:
    """Every variable that a settings class reads, and its default as shown."""
    for model in (ClientSettings, WorkerSettings, GatewaySettings):
        for name, field in model.model_fields.items():
            alias = field.validation_alias
            yield str(alias or PREFIX + name.upper()), shown(field.default)


@each_readme
def test_every_setting_stands_in_the_table_with_its_default(readme: Path) -> None:
    """The settings tables of both READMEs have each setting that is read, and no other."""
    assert dict(ROW.findall(readme.read_text("utf-8"))) == dict(settings_with_defaults())


def test_every_setting_stands_in_the_example_file_with_its_default() -> None:
    """`.env.example` shows each setting that is read, with its default."""
    shown_there = dict(ASSIGNMENT.findall((ROOT / ".env.example").read_text("utf-8")))
    assert dict(settings_with_defaults()).items() <= shown_there.items()


def test_every_other_name_stands_in_the_example_file() -> None:
    """It also shows each other name that a command or the Compose file reads."""
    shown_there = dict(ASSIGNMENT.findall((ROOT / ".env.example").read_text("utf-8")))
    compose = re.findall(r"\$\{([A-Z_]+)(?::-([\w.]*))?", (ROOT / "docker-compose.yml").read_text())
    assert {*OTHER_NAMES} <= shown_there.keys()
    assert dict(compose).items() <= shown_there.items()


def test_compose_takes_no_secret_from_a_variable() -> None:
    """Its secrets are files: in the environment of a container `docker inspect` would show them."""
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert {name for name in SECRETS if f"${{{name}" in compose} == set()


def test_every_secret_is_listed_with_its_file() -> None:
    """The page on deployment names each setting that can be in a file."""
    page = (DOCS / "deploy.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \| `(\w+_FILE)`", page, re.MULTILINE)
    listed = dict(re.findall(r"^\| `(\w+)` \| `(\w+_FILE)`", page, re.MULTILINE))
    assert listed == {name: file_name_of(name) for name in SECRETS}


@pytest.mark.parametrize("page", [*PAGES, ROOT / ".env.example"], ids=each_name)
def test_no_page_names_a_setting_that_nothing_reads(page: Path) -> None:
    """Each `RERANKQ_…` name on a page is a setting of some part."""
    named = set(re.findall(r"RERANKQ_[A-Z_]*[A-Z]", page.read_text("utf-8")))
    known = {*dict(settings_with_defaults()), *OTHER_NAMES}
    assert {name for name in named if not name.startswith("RERANKQ_TEST_")} <= known


def test_both_readmes_have_the_same_blocks_and_headings() -> None:
    """The Chinese README has the same code blocks and as many headings as the English one."""
    english, chinese = (readme.read_text("utf-8") for readme in READMES)
    assert FENCE.findall(chinese) == FENCE.findall(english)
    levels = [[len(mark) for mark, _ in HEADING.findall(prose(readme))] for readme in READMES]
    assert levels[0] == levels[1]


def test_both_readmes_have_the_same_settings_in_the_same_order() -> None:
    """The settings tables of both READMEs have the same rows in the same order."""
    english, chinese = (ROW.findall(readme.read_text("utf-8")) for readme in READMES)
    assert english == chinese


@each_readme
def test_each_readme_links_to_the_other_at_its_top(readme: Path) -> None:
    """Each README links to the other language within its first lines."""
    other = next(each for each in READMES if each != readme)
    assert f"({other.name})" in "".join(readme.read_text("utf-8").splitlines()[:3])


@each_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file that exists and, after a #, a heading in it."""
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            titles = [title for _, title in HEADING.findall(prose(target))]
            assert anchor in {re.sub(r"[^\w-]", "", t.lower().replace(" ", "-")) for t in titles}


@each_readme
def test_every_error_is_named(readme: Path) -> None:
    """The README names each error that a user can get."""
    text = readme.read_text("utf-8")
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.RerankqError):
            assert name in text


@each_readme
def test_every_extra_is_in_the_table(readme: Path) -> None:
    """The README's table has each extra that users may want."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r"^\| `(\w+)` \|", readme.read_text("utf-8"), re.MULTILINE))
    assert set(extras["optional-dependencies"]) - {"dev"} <= named


@each_readme
def test_every_command_is_named(readme: Path) -> None:
    """The README's table has each command."""
    cells = re.findall(r"^\| (`[^|]+`) \|", readme.read_text("utf-8"), re.MULTILINE)
    assert {command.name for command in COMMANDS} <= set(re.findall(r"`(\w+)`", " ".join(cells)))


@each_page
def test_every_command_line_is_one_that_tests_run(page: Path) -> None:
    """A block with a `rerankq` command is `sh`, which is run, or a service, which is started."""
    for language, block in FENCE.findall(page.read_text("utf-8")):
        commands = re.findall(r"^ *\$ .*?\brerankq (\w+)", block, re.MULTILINE)
        assert language, f"{page.name}: a block says what it is, or it would escape this test"
        if language == "sh":
            assert page in (*READMES, DOCS / "quickstart.md")
        elif language == "console":
            assert set(commands) <= set(SERVICES)
        else:
            assert not re.search(r"^\s*rerankq \w", block, re.MULTILINE)


def test_every_block_of_python_is_run_or_is_named_as_not_run() -> None:
    """A page with blocks of Python has a test that runs them, or a reason here."""
    with_blocks = {each_name(page) for page in PAGES if python_blocks(page)}
    assert with_blocks == {*RUN_BY, *NOT_RUN}
    assert all((ROOT / test).is_file() for test in RUN_BY.values())


@each_page
def test_blocks_of_python_use_names_that_exist(page: Path) -> None:
    """Each block can be read by Python, and what it imports from rerankq is there."""
    for block in python_blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rerankq"):
                module = importlib.import_module(str(node.module))
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []


def python_blocks(page: Path) -> list[str]:
    return [
        block for language, block in FENCE.findall(page.read_text("utf-8")) if language == "python"
    ]


def test_every_make_target_is_in_the_table_of_contributors() -> None:
    """CONTRIBUTING lists each target that `make` lists."""
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = re.findall(r"^\| `make ?(\w*)` \|", page, re.MULTILINE)
    assert sorted(each or "help" for each in listed) == sorted(targets)


def test_every_state_and_reason_is_explained() -> None:
    """The life of a job names each state, and the code of each error of the upstream."""
    life = (DOCS / "life-of-a-job.md").read_text("utf-8")
    kinds = [kind for kind in vars(upstream).values() if isinstance(kind, type)]
    reasons = [
        kind.code
        for kind in kinds
        if issubclass(kind, upstream.UpstreamError) and kind is not upstream.UpstreamError
    ]
    assert [name for name in [*JobState, *reasons] if f"`{name}`" not in life] == []


def test_every_script_is_in_the_layout() -> None:
    """The layout in Redis names each script file that declares an answer."""
    layout = (DOCS / "redis-layout.md").read_text("utf-8")
    scripts = {each.stem for each in SCRIPTS if "-- @answer" in each.read_text("utf-8")}
    scripts -= {"first_contact"}
    assert "claim" in scripts
    assert [each for each in scripts if f"`{each}`" not in layout] == []


def test_every_key_is_in_the_layout() -> None:
    """The layout in Redis names every key."""
    layout = (DOCS / "redis-layout.md").read_text("utf-8")
    forms = vars(Keys()).values()
    heads = {form if isinstance(form, str) else form.head for form in forms}
    assert [head for head in heads if head and f"`{head}" not in layout] == []


WALK_TITLE = re.compile(r"^### (.+)$", re.MULTILINE)
WALK_STEP = re.compile(r"^\d+\. (.+?)(?=^\d+\. |\Z)", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


def walks() -> dict[str, list[str]]:
    """The steps of each walk through the code that CONTRIBUTING describes, by its title."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = page.partition("\n## Five walks\n")[2].partition("\n## ")[0]
    _, *parts = WALK_TITLE.split(section)
    return dict(
        zip(parts[::2], [WALK_STEP.findall(each.strip()) for each in parts[1::2]], strict=True)
    )


def names_in(path: Path) -> set[str]:
    """The names in a file, as `module.function`, `module.Class.method` or `module.CONSTANT`."""
    text = path.read_text("utf-8")
    if path.suffix == ".lua":
        return {
            f"{path.stem}.{each}"
            for each in re.findall(r"^(?:local )?function (\w+)", text, re.MULTILINE)
        }
    return {f"{path.stem}.{each}" for each in definitions(ast.parse(text).body)}


def definitions(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name, body=inner):
                yield name
                yield from (f"{name}.{each}" for each in definitions(inner))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def test_there_are_five_walks_through_the_code() -> None:
    """CONTRIBUTING leads to a 429, a lease, a sealed batch, SIGTERM and HTTP, step by step."""
    assert len(walks()) == 5
    assert all(len(steps) > 4 for steps in walks().values())


@pytest.mark.parametrize("walk", walks())
def test_each_step_of_a_walk_names_existing_code(walk: str) -> None:
    """Each step begins with a file, and each path and each name of that module exists."""
    for step in walks()[walk]:
        spans = CODE.findall(step)
        paths = [each for each in spans if "/" in each]
        assert spans[0] in paths, f"a step names its file first: {step}"
        assert [each for each in paths if not (ROOT / each).is_file()] == []
        stem, known = Path(spans[0]).stem, names_in(ROOT / spans[0])
        named = {each for each in spans if each.startswith(f"{stem}.")}
        assert named - known == set()
        strangers = {each for each in spans if re.fullmatch(r"\w+\.\w+(\.\w+)*", each)} - named
        assert {each for each in strangers if not each.endswith((".py", ".lua"))} == set()
