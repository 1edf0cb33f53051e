"""Files that can be read, and those that cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment._errors import InvalidInputError
from augment._tables import read_table
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


def test_none_is_a_level_of_text_and_a_missing_number(write):
    path = write("drinks,units,sure,seen\nNone,None,True,\nmild,2,None,NA\nNA,3,False,x\n")
    X = read_table(path)
    assert X["drinks"].fillna("?").tolist() == ["None", "mild", "?"]
    assert X["units"].fillna(-1).tolist() == [-1, 2, 3]
    assert X["sure"].isna().tolist() == [False, True, False]
    assert X["seen"].fillna("?").tolist() == ["?", "?", "x"]


def test_compressed_csv_and_parquet(tmp_path):
    frame = pd.DataFrame({"a": [1.5, np.nan], "größe": pd.Categorical(["x", "y"]), "y": [0, 1]})
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    assert load_table(tmp_path / "t.csv.gz", target="y")[0].shape == (2, 2)
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "t.parquet")
    X, _ = load_table(tmp_path / "t.parquet", target="y")
    pd.testing.assert_frame_equal(X, frame[["a", "größe"]])


@pytest.mark.parametrize("ending", ["csv.gz", "csv.bz2", "txt.xz"])
def test_compression(tmp_path, ending):
    frame = pd.DataFrame({"a": [1.5, np.nan], "größe": ["x", "y"]})
    frame.to_csv(tmp_path / f"t.{ending}", index=False)
    pd.testing.assert_frame_equal(load_table(tmp_path / f"t.{ending}")[0], frame)


MARK = "\ufeff"
DIALECTS = {
    "points": ("a.csv", MARK + 'size;"age; years";dx\n1.75;61;ill\n1.6;44;well\n'),
    "commas": ("a.csv", MARK + 'size;"age; years";dx\n1,75;61;ill\n1,6;44;well\n'),
    "quoted commas": ("a.csv", 'size;"age; years";dx\n"1,75";61;ill\n"+1,6e0";44;well\n'),
    "tabs": ("a.TSV", MARK + "size\tage; years\tdx\n1.75\t61\till\n1.6\t44\twell\n"),
    "tabs and commas": ("a.tsv", "size\tage; years\tdx\n1,75\t61\till\n1,6\t44\twell\n"),
    "quotes": ("a.csv", '"size","age; years","dx"\n1.75,61,"ill"\n1.6,44,"well"\n'),
}


@pytest.mark.parametrize(("name", "text"), DIALECTS.values(), ids=DIALECTS.keys())
def test_dialects(write, name, text):
    X, y = load_table(write(text, name), target="dx")
    assert list(X.columns) == ["size", "age; years"]
    assert X["size"].tolist() == [1.75, 1.6]
    assert X["age; years"].tolist() == [61, 44]
    assert y.tolist() == ["ill", "well"]


def test_the_command_line_reads_the_same(write):
    for number, (name, text) in enumerate(DIALECTS.values()):
        path = write(text, f"{number}{name}")
        pd.testing.assert_frame_equal(load_table(path)[0], read_table(path))


def test_commas_between_thousands_are_no_decimal_commas(write):
    X, _ = load_table(write("n\tdx\n1,750\till\n12,600\twell\n", "a.tsv"))
    assert X["n"].tolist() == ["1,750", "12,600"]


@pytest.mark.parametrize(
    ("text", "name", "target", "words"),
    [
        (TEXT, "t.csv", "diagnosis", "column 'diagnosis'.*'dx'"),
        (TEXT, "t.csv", "DX", "column 'DX'"),
        (TEXT.replace("well", ""), "t.csv", "dx", "'dx'.*found 2 empty cells.*drop"),
        ("age,dx\n", "t.csv", "dx", "table is empty"),
        ("", "t.csv", "dx", "file is empty"),
        ("dx\nill\n", "t.csv", "dx", r"beside \['dx'\]; found none"),
        ("a,b\n1,2\n1,2,3,4\n", "t.csv", None, "cannot be read"),
        ("a,a\n1,2\n", "t.csv", None, r"\['a'\] more than once"),
        ("a;b;a\n1;2;3\n", "t.csv", None, r"\['a'\] more than once"),
        ("no parquet", "t.parquet", None, "Parquet"),
        ("no archive", "t.csv.gz", None, "cannot be read"),
        (TEXT, "t.xlsx", "dx", r"t\.xlsx.*Save it as CSV"),
    ],
)
def test_refused(write, text, name, target, words):
    with pytest.raises(InvalidInputError, match=words):
        load_table(write(text, name), target=target)


def test_no_file(tmp_path):
    with pytest.raises(InvalidInputError, match=r"absent\.csv'; found no file"):
        load_table(tmp_path / "absent.csv")


def test_not_utf_8(tmp_path):
    (tmp_path / "t.csv").write_bytes("größe,y\n1,2\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="UTF-8"):
        load_table(tmp_path / "t.csv")


def test_a_parquet_file_that_repeats_a_name(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table([[1, 2], [3, 4]], names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(InvalidInputError, match=r"\['a'\] more than once"):
        load_table(tmp_path / "t.parquet")
