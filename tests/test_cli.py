import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import augment
from augment import cli
from augment._errors import InvalidInputError
from tests.lift_example import example_result

HEAVY = {"torch", "monai", "sklearn", "pandas"}
runner = CliRunner()


def invoke(*arguments):
    return runner.invoke(cli.app, [str(argument) for argument in arguments])


def write_table(folder):
    rng = np.random.default_rng(0)
    label = np.repeat(["alive", "dead"], 30)
    frame = pd.DataFrame(
        {
            "age": (rng.normal(60, 9, 60) + 8 * (label == "dead")).round(),
            "sex": rng.choice(["f", "m"], 60),
            "outcome": label,
            "lactate": rng.gamma(2, 1, 60).round(1),
        }
    )
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    path = folder / "model.safetensors"
    options = ("--target", "outcome", "--generator", "gaussian_copula", "--out", path)
    assert invoke("fit", write_table(folder), *options).exit_code == 0
    return path


@pytest.fixture(scope="module")
def long_sample(model):
    """Rows that fill more than two blocks."""
    rows, labels = augment.load(model).sample(2100, random_state=3)
    return rows.assign(outcome=labels.to_numpy())


@pytest.fixture
def lift(monkeypatch):
    """Stand in for the evaluation, which has tests of its own."""
    calls = []

    def evaluate_lift(generator, X, y, **options):
        calls.append({"generator": generator, "X": X, "y": y, **options})
        return example_result(external="X_test" in options)

    monkeypatch.setattr(augment, "evaluate_lift", evaluate_lift, raising=False)
    return calls


def assert_one_line_error(result, *words):
    assert result.exit_code == 2, result.output
    line = result.stderr.strip()
    assert "\n" not in line
    assert line.startswith("Error: ")
    assert [word for word in words if word not in line] == []


def test_help_is_quick_and_light():
    code = (
        "import sys, json\nfrom augment.cli import main\nsys.argv = ['augment', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(done.stdout.splitlines()[-1])) == set()
    assert "evaluate" in done.stdout


def test_python_m_augment_says_what_is_wrong_in_one_line():
    command = [sys.executable, "-m", "augment", "evaluate", "nowhere.csv", "--target", "y"]
    command += ["--out", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "Error: Expected a table at 'nowhere.csv'; found no file. Check the path.\n"
    )
    assert not os.path.lexists("nowhere")


@pytest.mark.parametrize("command", [("fit", "nowhere"), ("evaluate", "nowhere.npz")])
def test_a_folder_that_is_not_there_may_have_been_one_of_images(command, tmp_path):
    result = invoke(*command, "--out", tmp_path / "model.safetensors")
    assert_one_line_error(result, "a table, a folder of images or an .npz file", "found nothing")


def test_fit_then_sample_gives_marked_rows(table, model, tmp_path):
    out = tmp_path / "rows.csv"
    result = invoke("sample", model, "-n", 20, "--seed", 1, "--out", out)
    assert result.exit_code == 0, result.output
    rows = pd.read_csv(out)
    assert list(rows.columns) == ["synthetic", "age", "sex", "lactate", "outcome"]
    assert rows["synthetic"].all()
    assert set(rows["outcome"]) == {"alive", "dead"}
    invoke("sample", model, "-n", 8, "--seed", 1, "--out", out, "--no-mark")
    pd.testing.assert_frame_equal(pd.read_csv(out), rows.drop(columns="synthetic").head(8))


def test_sample_labels(model, tmp_path):
    out = tmp_path / "rows.csv"
    assert invoke("sample", model, "-n", 5, "--label", "dead", "--out", out).exit_code == 0
    assert pd.read_csv(out)["outcome"].tolist() == ["dead"] * 5
    counts = ("--label", "dead=2", "--label", "alive=1")
    assert invoke("sample", model, *counts, "--out", out).exit_code == 0
    assert pd.read_csv(out)["outcome"].value_counts().to_dict() == {"dead": 2, "alive": 1}


PIECES = [("csv", 10**6), ("csv", 1024), ("csv", 1500), ("tsv", 1024)]


@pytest.mark.parametrize(("ending", "chunk"), [*PIECES, ("parquet", 1024)])
def test_long_samples_are_those_of_sample_whatever_the_pieces(
    model, long_sample, tmp_path, monkeypatch, ending, chunk
):
    monkeypatch.setattr(cli.models, "_CHUNK", chunk)
    out = tmp_path / f"rows.{ending}"
    options = ("-n", len(long_sample), "--seed", 3, "--jobs", 1, "--no-mark")
    assert invoke("sample", model, *options, "-o", out).exit_code == 0
    if ending == "parquet":
        found = pd.read_parquet(out)
    else:
        found = pd.read_csv(out, sep="\t" if ending == "tsv" else ",")
    pd.testing.assert_frame_equal(found, long_sample, check_dtype=ending == "parquet")


def test_long_samples_of_labels_are_those_of_sample(model, tmp_path, monkeypatch):
    monkeypatch.setattr(cli.models, "_CHUNK", 1024)
    generator, out = augment.load(model), tmp_path / "rows.csv"
    for y, n, options in (
        ("dead", 1100, ("-n", 1100, "--label", "dead")),
        ({"dead": 900, "alive": 300}, 1, ("--label", "dead=900", "--label", "alive=300")),
    ):
        rows, labels = generator.sample(n, y=y, random_state=5)
        options = (*options, "--seed", 5, "--jobs", 1)
        assert invoke("sample", model, *options, "-o", out).exit_code == 0
        found = pd.read_csv(out).drop(columns="synthetic")
        pd.testing.assert_frame_equal(
            found, rows.assign(outcome=labels.to_numpy()), check_dtype=False
        )


def test_integer_labels_are_found(tmp_path, table):
    frame = pd.read_csv(table)
    frame["outcome"] = (frame["outcome"] == "dead").astype(int)
    frame.to_csv(table, index=False)
    model, out = tmp_path / "m.safetensors", tmp_path / "r.csv"
    copula = ("--target", "outcome", "--generator", "gaussian_copula")
    assert invoke("fit", table, *copula, "--out", model).exit_code == 0
    assert invoke("sample", model, "-n", 3, "--label", "1", "--out", out).exit_code == 0
    assert pd.read_csv(out)["outcome"].tolist() == [1, 1, 1]


def test_ignored_columns_are_left_out(tmp_path, table, lift):
    frame = pd.read_csv(table)
    frame.insert(0, "name", [f"patient {i}" for i in range(60)])
    frame.to_csv(table, index=False)
    model, out = tmp_path / "m.safetensors", tmp_path / "out"
    copula = ("--target", "outcome", "--generator", "gaussian_copula")
    refused = invoke("fit", table, *copula, "--out", model)
    assert_one_line_error(refused, "'name'", "--ignore")
    ignored = (*copula, "--ignore", "name")
    assert invoke("fit", table, *ignored, "--out", model).exit_code == 0
    assert list(augment.load(model).feature_names_in_) == ["age", "sex", "lactate"]
    few = ("--set", "privacy=false", "--set", "fidelity=false")
    assert invoke("evaluate", table, *ignored, *few, "--out", out).exit_code == 0
    assert list(lift[0]["X"].columns) == ["age", "sex", "lactate"]
    assert "name" not in pd.read_csv(out / "synthetic.csv").columns


def test_info(model):
    result = invoke("info")
    assert result.exit_code == 0
    assert "tabular_augmentation" in result.output
    assert "gaussian_copula" in result.output
    result = invoke("info", model)
    assert "GaussianCopula" in result.output
    assert "age (numeric)" in result.output
    assert_one_line_error(invoke("info", "none.safetensors"), "none.safetensors")


def test_evaluate_prints_verdicts_and_writes_everything(table, tmp_path, lift):
    out = tmp_path / "run"
    given = ("--target", "outcome", "--generator", "gaussian_copula", "--test", table)
    few = ("--splits", 3, "--repeats", 2, "--set", "n_audit_fits=6", "--set", "n_jobs=1")
    result = invoke("evaluate", table, *given, *few, "--seed", 5, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Verdict: helps." in result.output
    assert f"Report: {out / 'report.html'}" in result.output
    (call,) = lift
    assert (call["n_splits"], call["n_repeats"], call["random_state"]) == (3, 2, 5)
    assert call["n_jobs"] == 1
    assert list(call["X"].columns) == list(call["X_test"].columns) == ["age", "sex", "lactate"]
    files = {path.name for path in out.iterdir()}
    assert files >= {"report.html", "report.json", "metrics.json", "settings.json"}
    assert files >= {"environment.json", "scores.csv", "summary.csv", "verdicts.csv"}
    assert files >= {"fidelity.csv", "privacy.csv"}
    assert not any(name.startswith(".") for name in files)
    rows = pd.read_csv(out / "synthetic.csv")
    assert list(rows.columns) == ["synthetic", "age", "sex", "outcome", "lactate"]
    assert rows["synthetic"].all()
    assert str(table.parent) not in (out / "report.html").read_text()
    before = (out / "report.html").read_text()
    (out / "report.html").unlink()
    assert invoke("report", out).exit_code == 0
    assert (out / "report.html").read_text() == before


def test_run_takes_settings_by_name(table, tmp_path, lift):
    sets = [f"table={table}", "target=outcome", "generators.jitter={}", "generators.bootstrap={}"]
    sets += ["fidelity=false", "privacy=false"]
    options = [part for text in sets for part in ("--set", text)]
    yaml = tmp_path / "mine.yaml"
    yaml.write_text("generators: {}\nn_splits: 3\n")
    out = tmp_path / "run"
    result = invoke("run", "tabular_augmentation", "--settings", yaml, *options, "--out", out)
    assert result.exit_code == 0, result.output
    assert [type(call["generator"]).__name__ for call in lift] == ["Jitter", "Bootstrap"]
    assert [call["n_jobs"] for call in lift] == [-1, -1]  # unless told otherwise
    assert (out / "synthetic_jitter.csv").is_file()
    assert (out / "model_bootstrap.safetensors").is_file()
    assert set(pd.read_csv(out / "summary.csv")["generator"]) == {"Jitter", "Bootstrap"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("evaluate TABLE --target outcom --out OUT", ["'outcom'", "Did you mean 'outcome'"]),
        ("evaluate TABLE --target outcome --out TABLE", ["Cannot write", "--out"]),
        ("evaluate TABLE --target outcome --splits 1 --out OUT", ["--splits", "2"]),
        ("evaluate TABLE --out OUT", ["--target", "augment evaluate --help"]),
        ("evaluate TABLE --target outcome --groups ward --out OUT", ["'ward'", "groups"]),
        ("evaluate TABLE --target outcome --test none.csv --out OUT", ["none.csv"]),
        ("evaluate TABLE --target outcome --generator vae --out OUT", ["'vae'", "tabular_vae"]),
        (
            "evaluate TABLE --target outcome --generator tabular_vea --out OUT",
            ["Did you mean 'tabular_vae'?", "'smote', 'tabular_gan', 'tabular_vae']."],
        ),
        ("evaluate TABLE --target outcome --set n_split=2 --out OUT", ["'n_splits'"]),
        ("evaluate TABLE --target outcome --set estimators=[SVN] --out OUT", ["'SVM'"]),
        ("evalute TABLE", ["evaluate"]),
        ("run tabular --out OUT", ["'tabular'", "tabular_augmentation"]),
        ("run tabular_augmentation --out OUT", ["'table'", "--set table="]),
        ("fit TABLE --target outcome --out OUT.bin", [".safetensors"]),
        ("fit TABLE --target outcome --set max_step=3 --out OUT.safetensors", ["max_steps"]),
        ("sample TABLE -n 5 --out OUT.csv", ["table.csv"]),
        ("sample none.safetensors -n 5 --out OUT.csv", ["none.safetensors"]),
        ("sample none.safetensors -n 5 --out OUT.xlsx", [".csv"]),
        ("report OUT", ["report.json"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, words, table, tmp_path):
    before = sorted(tmp_path.iterdir())
    text = arguments.replace("TABLE", str(table)).replace("OUT", str(tmp_path / "out"))
    assert_one_line_error(invoke(*text.split()), *words)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-n", "5", "--label", "ded"), ["'ded'", "Did you mean 'dead'"]),
        (("--label", "dead=x", "--label", "alive=1"), ["LABEL=COUNT"]),
        (("-n", "-5"), ["n_samples", "-5"]),
        (("-n", "0"), ["n_samples", "0"]),
        ((), ["-n"]),
    ],
)
def test_bad_requests_for_samples(options, words, model, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert_one_line_error(invoke("sample", model, *options, "--out", tmp_path / "r.csv"), *words)
    assert sorted(tmp_path.iterdir()) == before


def test_failure_in_the_evaluation_leaves_nothing(table, tmp_path, monkeypatch):
    def evaluate_lift(*_, **__):
        raise InvalidInputError("Expected two classes;\n found one. Check the target.")

    monkeypatch.setattr(augment, "evaluate_lift", evaluate_lift, raising=False)
    given = ("--target", "outcome", "--generator", "gaussian_copula")
    result = invoke("evaluate", table, *given, "--out", tmp_path / "run")
    assert_one_line_error(result, "Expected two classes; found one.")
    assert not (tmp_path / "run").exists()


def test_other_errors_keep_their_traceback(table, tmp_path, monkeypatch):
    def evaluate_lift(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(augment, "evaluate_lift", evaluate_lift, raising=False)
    given = ("--target", "outcome", "--generator", "gaussian_copula")
    result = invoke("evaluate", table, *given, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)
    assert not (tmp_path / "run").exists()


def test_fit_hears_what_columns_are(table, tmp_path):
    out = tmp_path / "m.safetensors"
    given = ("--generator", "bootstrap", "--set", "columns.age=categorical", "--out", out)
    assert invoke("fit", table, *given).exit_code == 0
    assert "age (categorical)" in invoke("info", out).output


def test_what_is_proposed_can_be_pasted(table, tmp_path):
    path = tmp_path / "my models" / "m.safetensors"
    path.parent.mkdir()
    result = invoke("fit", table, "--generator", "bootstrap", "--out", path)
    (proposal,) = [line for line in result.output.splitlines() if line.startswith("Next:")]
    assert shlex.split(proposal)[1:4] == ["augment", "sample", str(path)]


@pytest.mark.parametrize("name", ["patient.id", "a=b id", "patient id", "patient_id"])
def test_an_option_that_a_message_proposes_can_be_pasted(table, tmp_path, name):
    frame = pd.read_csv(table)
    frame.assign(**{name: range(len(frame))}).to_csv(tmp_path / "named.csv", index=False)
    given = ("fit", tmp_path / "named.csv", "--generator", "bootstrap")
    refused = invoke(*given, "--out", tmp_path / "m.safetensors")
    assert refused.exit_code == 2
    option = refused.stderr.rpartition("(--set")[2].rpartition(")")[0]
    again = invoke(*given, "--set", *shlex.split(option), "--out", tmp_path / "m.safetensors")
    assert again.exit_code == 0


def test_a_column_whose_name_was_cut_at_a_dot_is_named_whole(table, tmp_path):
    pd.read_csv(table).rename(columns={"age": "age.years"}).to_csv(table, index=False)
    given = ("--generator", "bootstrap", "--set", "columns.age.years=categorical")
    result = invoke("fit", table, *given, "--out", tmp_path / "m.safetensors")
    assert_one_line_error(result, "--set 'columns.\"age.years\"=KIND'")


@pytest.mark.parametrize("name", ["", "demo", "evaluate", "sample", "benchmark", "info"])
def test_help_is_plain_and_names_what_to_give(name):
    text = invoke(*name.split(), "--help").output
    assert text.startswith(f"Usage: augment {name}".strip())
    for ugly in ("<bool>", "<str>", "list[", "…", "...", "╭"):
        assert ugly not in text.replace("[ARGS]...", "")


def test_own_warnings_are_notes(table, tmp_path):
    frame = pd.read_csv(table).assign(site="A")
    frame.to_csv(table, index=False)
    options = ("--target", "outcome", "--generator", "gaussian_copula")
    result = invoke("fit", table, *options, "--out", tmp_path / "m.safetensors")
    assert result.exit_code == 0
    assert ".py" not in result.stderr


def test_fit_refuses_a_generator_of_the_other_kind(table, tmp_path):
    archive = tmp_path / "images.npz"
    np.savez(archive, images=np.zeros((2, 16, 16)))
    for source, wrong, right in (
        (table, "image_vae", "tabular_vae"),
        (archive, "gaussian_copula", "image_vae"),
    ):
        result = invoke("fit", source, "--generator", wrong, "--out", tmp_path / "m.safetensors")
        assert_one_line_error(result, "cannot learn from", f"--generator {right}")
    assert not (tmp_path / "m.safetensors").exists()


def test_long_sentences_are_folded_and_tables_are_not(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    table = "estimator            verdict      AUC lift [95 %]          log loss lift [95 %]"
    sentence = "Verdict: no evidence. " + "It changed by +0.001, which is not clear. " * 4
    path = "Report: " + "long/" * 20 + "report.html"
    folded = cli._app._folded("\n".join([table, "", sentence, path])).splitlines()
    assert folded[:2] == [table, ""]
    assert folded[-1] == path
    assert " ".join(line.strip() for line in folded[2:-1]) == sentence.strip()
    assert max(map(len, folded[2:-1])) <= 60
