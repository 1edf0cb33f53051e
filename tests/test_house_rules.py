"""The rules of the house that no linter knows."""

import ast
import importlib
import json
import re
import subprocess
import sys

import pytest

import augment
from tests.house import (
    PACKAGES,
    REPOSITORY,
    body_length,
    files,
    functions,
    marked_command,
    module_names,
    package_folder,
)

HEAVY = {"torch", "monai", "sklearn", "pandas"}
MAX_LINES = 400
MAX_BODY = 60
TEXTS = ("*.py", "*.md", "*.rst", "*.toml", "*.txt", "*.yaml", "*.yml", "*.cff", "*.html")
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "constraints.txt")
# Written in two parts, so that this file does not hold what it looks for.
BANNED = {
    "pip install " + "augment": "this name belongs to another distribution; ours is medaugment",
    "index" + "-url": "no package host is named",
    "find" + "-links": "no package host is named",
    "pythonho" + "sted.org": "no package host is named",
    "pypi" + ".org/simple": "no package host is named",
    "/wo" + "rk/": "a path of one machine",
    "/op" + "t/": "a path of one machine",
    "/ro" + "ot/": "a path of one machine",
    "state-of-the" + "-art": "say what was measured instead",
    "safe to " + "share": "no figure of ours shows that",
    "guarantees " + "privacy": "no figure of ours shows that",
}


def loaded_after(code: str) -> set[str]:
    """Heavy packages that a fresh interpreter has loaded after running ``code``."""
    report = "import sys, json; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-P", "-c", f"{code}\n{report}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return HEAVY & set(json.loads(done.stdout.splitlines()[-1]))


def test_import_is_light():
    assert loaded_after("import augment; dir(augment); augment.__version__") == set()


def test_help_is_light():
    code = (
        "import sys\nfrom augment.cli import main\nsys.argv = ['augment', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert loaded_after(code) == set()


def test_package_list_equals_the_folders():
    folders = {
        ".".join(path.parent.relative_to(REPOSITORY).parts)
        for path in files("__init__.py", folders=("augment",))
    }
    assert {*folders, "augment.pipelines"} == set(PACKAGES)
    assert all((package_folder(package) / "__init__.py").is_file() for package in PACKAGES)
    homes = {path.parent for path in files("*.py", folders=("augment", "pipelines"))}
    assert homes == {package_folder(package) for package in PACKAGES}


@pytest.mark.parametrize("name", module_names())
def test_exported_names_exist(name):
    module = importlib.import_module(name)
    assert [word for word in getattr(module, "__all__", ()) if not hasattr(module, word)] == []


def test_files_are_short():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files("*.py")}
    assert {str(path): n for path, n in lines.items() if n > MAX_LINES} == {}


def test_silenced_checks_have_a_reason():
    silenced = re.compile(
        r"# (noqa|type: ignore)(?P<code>(: [A-Z0-9]+(, [A-Z0-9]+)*|\[[\w-]+\])?)(?P<why>.*)$"
    )
    bare = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in files("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := silenced.search(line))
        and not (found["code"] and re.fullmatch(r" # [^#]+| \(.+\)", found["why"]))
    ]
    assert bare == []


def test_functions_are_short():
    long = {
        f"{path.relative_to(REPOSITORY)}:{function.lineno} {function.name}": body_length(function)
        for path in files("*.py")
        for function in functions(path)
        if body_length(function) > MAX_BODY
    }
    assert long == {}


def test_every_public_name_is_in_the_reference():
    pages = files("*.rst", "*.md", folders=("docs/reference",))
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    public = {*augment.__all__, *augment.data.__all__, *augment.evaluation.__all__}
    assert {name for name in public if not re.search(rf"\b{name}\b", text)} == set()


@pytest.mark.parametrize("banned", BANNED)
def test_banned_words(banned):
    paths = [*files(*TEXTS), *(REPOSITORY / name for name in TOP), REPOSITORY / ".ci" / "run"]
    guilty = [
        str(path.relative_to(REPOSITORY))
        for path in paths
        if banned in path.read_text(encoding="utf-8").lower()
    ]
    assert guilty == [], BANNED[banned]


def test_continuous_integration_runs_what_the_readme_says():
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    for name in ("demo", "tests"):
        assert f"readme_command {name}" in script
        assert "pip install -c constraints.txt" in marked_command(name)
    assert marked_command("demo").endswith("augment demo")
    assert marked_command("tests").endswith("pytest -n 2")


def test_documentation_repeats_the_commands_of_the_readme():
    page = (REPOSITORY / "docs" / "getting_started.md").read_text(encoding="utf-8")
    assert [name for name in ("demo", "tests") if marked_command(name) not in page] == []


def test_constraints_hold_versions_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin)] == []


SEEDED = re.compile(r"^(Tabular|Image|Bootstrap|Jitter|GaussianCopula|Smote)|^evaluate_|_split$")


def unseeded_calls(source: str) -> list[str]:
    """Calls that draw at random and say nothing of ``random_state``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rsplit(".", 1)[-1]
            names = {keyword.arg for keyword in node.keywords}
            if (SEEDED.search(name) or name == "sample") and "random_state" not in names:
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", files("plot_*.py", folders=("examples",)), ids=lambda p: p.stem)
def test_examples_set_random_state(path):
    assert unseeded_calls(path.read_text(encoding="utf-8")) == []


def test_unseeded_calls_are_found():
    assert unseeded_calls("TabularVAE()") == ["TabularVAE()"]
    assert unseeded_calls("gen.sample(5, random_state=0)") == []
