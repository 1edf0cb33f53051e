"""Files that can be read, and those that cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment._errors import InvalidInputError
from augment.data import load_table

TEXT = "age,sex,dx\n61,f,ill\n44,m,well\n,f,well\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_csv(write):
    X, y = load_table(write(TEXT), target="dx")
    assert list(X.columns) == ["age", "sex"]
    assert X["age"].isna().sum() == 1
    assert y.name == "dx"
    assert y.tolist() == ["ill", "well", "well"]
    assert load_table(str(write(TEXT)))[1] is None


def test_separators(write):
    tabs = load_table(write(TEXT.replace(",", "\t"), "table.tsv"), target="dx")[0]
    semicolons = load_table(write("age;size;dx\n61;1,75;ill\n44;1,60;well\n"), target="dx")[0]
    assert list(tabs.columns) == ["age", "sex"]
    assert semicolons["size"].tolist() == [1.75, 1.6]


def test_compressed_csv_and_parquet(tmp_path):
    frame = pd.DataFrame({"a": [1.5, np.nan], "größe": pd.Categorical(["x", "y"]), "y": [0, 1]})
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    assert load_table(tmp_path / "t.csv.gz", target="y")[0].shape == (2, 2)
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "t.parquet")
    X, _ = load_table(tmp_path / "t.parquet", target="y")
    pd.testing.assert_frame_equal(X, frame[["a", "größe"]])


@pytest.mark.parametrize(
    ("text", "name", "target", "words"),
    [
        (TEXT, "t.csv", "diagnosis", "no column 'diagnosis'.*'dx'"),
        (TEXT, "t.csv", "DX", "no column 'DX'"),
        (TEXT.replace("well", ""), "t.csv", "dx", "'dx' is missing in 2 of 3 rows.*row 1.*Drop"),
        ("age,dx\n", "t.csv", "dx", "empty table"),
        ("", "t.csv", "dx", "cannot be read"),
        ("dx\nill\n", "t.csv", "dx", "no column beside the target"),
        ("a,b\n1,2\n1,2,3,4\n", "t.csv", None, "cannot be read"),
        ("no parquet", "t.parquet", None, "cannot be read"),
        (TEXT, "t.xlsx", "dx", "not known from its name.*csv"),
    ],
)
def test_refused(write, text, name, target, words):
    with pytest.raises(InvalidInputError, match=words):
        load_table(write(text, name), target=target)


def test_no_file(tmp_path):
    with pytest.raises(InvalidInputError, match=r"there is no file .*absent\.csv"):
        load_table(tmp_path / "absent.csv")


def test_not_utf_8(tmp_path):
    (tmp_path / "t.csv").write_bytes("größe,y\n1,2\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match=r"cannot be read.*utf-8"):
        load_table(tmp_path / "t.csv")
