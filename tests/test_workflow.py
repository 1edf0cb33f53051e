import json
import math
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augment import workflow
from augment._errors import AugmentWarning, InvalidInputError


class Study(workflow.Settings):
    table: Path
    n_splits: int = 5
    generators: dict[str, dict] | None = None
    sizes: tuple[int, ...] = ()


def test_settings_come_from_yaml_then_values_then_overrides(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("table: a.csv\nn_splits: 3\n")
    overrides = ["generators.smote.k=2", "n_splits=7"]
    settings = workflow.load_settings(Study, file, overrides=overrides, n_splits=4, table=None)
    assert settings.n_splits == 7
    assert settings.table == Path("a.csv")
    assert settings.generators == {"smote": {"k": 2}}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["n_split=3"], ["'n_split'", "Did you mean 'n_splits'"]),
        (["n_splits=five"], ["'n_splits'", "integer", "'five'"]),
        (["n_splits"], ["name=value", "'n_splits'"]),
        (["n_splits.a=1", "n_splits=[1"], ["YAML"]),
        (["table.a.b=1"], ["'table'"]),
        (["sizes=[50, many]"], ["'sizes.1'", "--set sizes=VALUE"]),
    ],
)
def test_wrong_settings_are_said_in_one_line(overrides, words):
    with pytest.raises(InvalidInputError) as error:
        workflow.load_settings(Study, overrides=["table=a.csv", *overrides])
    assert "\n" not in str(error.value)
    assert [word for word in words if word not in str(error.value)] == []


def test_missing_setting_and_missing_file():
    with pytest.raises(InvalidInputError, match="'table' is needed"):
        workflow.load_settings(Study)
    with pytest.raises(InvalidInputError, match="YAML file"):
        workflow.load_settings(Study, "nowhere.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n"])
def test_unreadable_yaml(tmp_path, text):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InvalidInputError, match=r"s\.yaml"):
        workflow.load_settings(Study, tmp_path / "s.yaml")


def test_run_directory_appears_whole(tmp_path):
    with workflow.RunDirectory(tmp_path / "a" / "b") as run:
        run.write_json("metrics.json", {"auc": np.float64(0.5), "none": math.nan})
        run.write_frame("rows.csv", pd.DataFrame({"x": [1]}))
        environment = run.write_environment()
        assert not (tmp_path / "a" / "b" / "metrics.json").exists()
    files = {path.name for path in (tmp_path / "a" / "b").iterdir()}
    assert files == {"metrics.json", "rows.csv", "environment.json"}
    metrics = json.loads((tmp_path / "a" / "b" / "metrics.json").read_text())
    assert metrics == {"auc": 0.5, "none": None}
    text = json.dumps(environment)
    assert str(Path.home()) not in text
    assert os.sep not in text


def fail_while_writing(folder, error):
    with workflow.RunDirectory(folder) as run:
        run.write_text("report.html", "half")
        raise error


def test_failed_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fail_while_writing(tmp_path / "a" / "b", KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_failed_run_leaves_older_results_alone(tmp_path):
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(RuntimeError):
        fail_while_writing(tmp_path, RuntimeError())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"report.html": "old"}


def results(folder, names=("metrics.json",), inner=None):
    with workflow.RunDirectory(folder) as run:
        run.write_environment()
        for name in names:
            run.write_text(name, "new")
        if inner:
            run.file(inner).mkdir()
            (run.file(inner) / "a.png").write_text("new")


def test_what_an_earlier_run_left_is_named(tmp_path, recwarn):
    results(tmp_path, ["scores.csv", "comparison.csv"], "sheets")
    results(tmp_path, ["scores.csv", "comparison.csv"], "sheets")
    assert [str(each.message) for each in recwarn] == []
    with pytest.warns(AugmentWarning, match=r"did not write: \['comparison.csv'\].*--out"):
        results(tmp_path, ["scores.csv"])


def test_what_a_run_reads_is_no_leftover(tmp_path, recwarn):
    for _ in range(2):
        with workflow.RunDirectory(tmp_path) as run:
            run.write_text("patients.csv", "age")
        with workflow.RunDirectory(tmp_path) as run:
            run.write_settings(Study(table=tmp_path / "patients.csv"))
            run.write_environment()
    assert [str(each.message) for each in recwarn] == []


def test_a_folder_that_is_not_of_a_run_is_kept(tmp_path):
    for turn in ("first", "second"):
        (tmp_path / "environment.json").unlink(missing_ok=True)
        (tmp_path / "sheets").mkdir(exist_ok=True)
        (tmp_path / "sheets" / "a.png").write_text(turn)
        with pytest.warns(AugmentWarning, match="not of an earlier run; it is 'sheets-before"):
            results(tmp_path, inner="sheets")
    kept = [path.read_text() for path in sorted(tmp_path.glob("sheets-before*/a.png"))]
    assert sorted(kept) == ["first", "second"]
    assert (tmp_path / "sheets" / "a.png").read_text() == "new"


def test_unwritable_places_are_refused_before_work(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(InvalidInputError, match="Choose another"), workflow.RunDirectory(place):
            pytest.fail("work started")
    with pytest.raises(InvalidInputError, match="is a folder"):
        workflow.ensure_writable(tmp_path)
    with pytest.raises(InvalidInputError, match="Cannot write"):
        workflow.ensure_writable(tmp_path / "file" / "x.csv")


def half_write(path):
    with workflow.atomic_path(path) as partial:
        partial.write_text("half")
        raise ValueError("no")


def test_atomic_path_keeps_the_old_file_when_writing_fails(tmp_path):
    (tmp_path / "x.csv").write_text("old")
    with pytest.raises(ValueError, match="no"):
        half_write(tmp_path / "x.csv")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x.csv": "old"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("a,b\n", "rows"),
        ("a,a\n1,2\n", "'a'"),
        ("a,b\n1,2,3,4\n1,2,3,4,5\n", "cannot be read"),
        (b"a,b\n\xff\xfe,1\n", "UTF-8"),
    ],
)
def test_unreadable_tables(tmp_path, content, words):
    file = tmp_path / "t.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInputError, match=words):
        workflow.read_table(file)


def test_no_table_and_unknown_ending(tmp_path):
    with pytest.raises(InvalidInputError, match="found no file"):
        workflow.read_table(tmp_path / "none.csv")
    (tmp_path / "t.xlsx").write_text("x")
    with pytest.raises(InvalidInputError, match="Save it as CSV"):
        workflow.read_table(tmp_path / "t.xlsx")
    (tmp_path / "t.parquet").write_text("x")
    with pytest.raises(InvalidInputError, match="Parquet"):
        workflow.read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    "text",
    ["a;b\n1,5;x\n2,5;y\n", "a\tb\n1.5\tx\n2.5\ty\n", "a|b\n1.5|x\n2.5|y\n", "a,b\n1.5,x\n2.5,y\n"],
)
def test_separators_and_decimal_comma(tmp_path, text):
    (tmp_path / "t.csv").write_text("\ufeff" + text, encoding="utf-8")
    table = workflow.read_table(tmp_path / "t.csv")
    assert table["a"].tolist() == [1.5, 2.5]
    assert table["b"].tolist() == ["x", "y"]


def test_split_table_names_what_is_wrong():
    table = pd.DataFrame({"age": [1, 2], "sex": ["f", "m"], "y": ["a", None]})
    with pytest.raises(InvalidInputError, match="Did you mean 'sex'"):
        workflow.split_table(table, "sx")
    with pytest.raises(InvalidInputError, match="1 empty cell"):
        workflow.split_table(table, "y")
    with pytest.raises(InvalidInputError, match="target and groups"):
        workflow.split_table(table, "sex", "sex")
    with pytest.raises(InvalidInputError, match="found none"):
        workflow.split_table(table[["sex"]], "sex")
    X, y, groups = workflow.split_table(table, "sex", "age")
    assert list(X.columns) == ["y"]
    assert y.tolist() == ["f", "m"]
    assert groups.tolist() == [1, 2]
    assert list(workflow.split_table(table, "sex", ignore=["y"])[0].columns) == ["age"]
    with pytest.raises(InvalidInputError, match=r"'agee' \(ignored\).*Did you mean 'age'"):
        workflow.split_table(table, "sex", ignore=["agee"])
    with pytest.raises(InvalidInputError, match="'sex' cannot be ignored"):
        workflow.split_table(table, "sex", ignore=["sex"])
    with pytest.raises(InvalidInputError, match=r"lacks \['age', 'sex'\]"):
        workflow.match_columns(X, table)


def test_columns_that_only_a_second_table_has_are_named():
    first = pd.DataFrame({"age": [1, 2], "sex": ["f", "m"]})
    second = first[["sex", "age"]].assign(crp=0.5, what="benign")
    with pytest.warns(AugmentWarning, match=r"the first lacks, \['crp'\]: they are left out"):
        matched = workflow.match_columns(second, first, ignored=["what", None])
    pd.testing.assert_frame_equal(matched, first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        workflow.match_columns(second, first, ignored=["what", "crp"])


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_written_rows_are_marked(tmp_path, ending):
    rows = pd.DataFrame({"age": [1, 2], "sex": ["f", "m"]})
    path = tmp_path / f"rows.{ending}"
    workflow.write_table([rows, rows], path)
    back = workflow.read_table(path)
    assert back["synthetic"].tolist() == [True] * 4
    assert back["age"].tolist() == [1, 2, 1, 2]
    workflow.write_table(rows, path, mark=False)
    pd.testing.assert_frame_equal(workflow.read_table(path), rows)


def test_rows_that_cannot_be_marked_or_written(tmp_path):
    rows = pd.DataFrame({"synthetic": [1]})
    with pytest.raises(InvalidInputError, match="--no-mark"):
        workflow.write_table(rows, tmp_path / "rows.csv")
    with pytest.raises(InvalidInputError, match="ending in"):
        workflow.write_table(rows, tmp_path / "rows.xlsx", mark=False)


def test_generators_by_name():
    assert workflow.generator_names()["tabular_vae"] == "TabularVAE"
    copula = workflow.make_generator("gaussian_copula", random_state=3)
    assert copula.random_state == 3
    with pytest.raises(InvalidInputError, match="Did you mean 'tabular_vae'"):
        workflow.make_generator("tabular_va")
    with pytest.raises(InvalidInputError, match="no parameter 'max_step'"):
        workflow.make_generator("tabular_vae", max_step=3)
    with pytest.raises(InvalidInputError, match="max_steps"):
        workflow.make_generator("tabular_vae", max_steps=-3)
