"""The repository as the house rules see it: its folders, modules and texts."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = SETTINGS["tool"]["setuptools"]["packages"]
MAPPED: dict[str, str] = SETTINGS["tool"]["setuptools"]["package-dir"]
CODE = ("augment", "pipelines", "tests", "benchmarks", "examples", "docs")
BUILT = {"_build", "gallery", "generated", "__pycache__"}


def package_folder(package: str) -> Path:
    """Folder of the repository that holds ``package``."""
    return REPOSITORY / MAPPED.get(package, package.replace(".", "/"))


def module_names() -> list[str]:
    """Dotted names of all modules that are installed."""
    names = []
    for package in PACKAGES:
        files = sorted(package_folder(package).glob("*.py"))
        names += [f"{package}.{file.stem}".removesuffix(".__init__") for file in files]
    return [name for name in names if not name.endswith("__main__")]


def files(*patterns: str, folders: tuple[str, ...] = CODE) -> list[Path]:
    """Files under ``folders`` that match one of the patterns, without what was built."""
    found = [
        path for folder in folders for p in patterns for path in (REPOSITORY / folder).rglob(p)
    ]
    return sorted(path for path in found if path.is_file() and not BUILT & set(path.parts))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a Python file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def marked_command(name: str) -> str:
    """Return the command that README.md shows below ``<!-- command: NAME -->``."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    block = text.split(f"<!-- command: {name} -->", 1)[1].split("```", 2)[1]
    return block.removeprefix("bash\n").strip()
