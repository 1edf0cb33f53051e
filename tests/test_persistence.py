"""One file, no pickle: what goes in comes out, and anything else is refused in plain words."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import augment
from augment import _statefile
from augment._errors import InvalidInputError, InvalidTypeError, ModelFileError
from augment.persistence import load, read_state, write_state


def content(tensor):
    stored = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
    return stored.numpy().tobytes()


def same(first, second):
    """Compare values, types, dtypes, shapes and the order of keys."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return list(map(repr, first)) == list(map(repr, second)) and all(
            map(same, first.values(), second.values())
        )
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, torch.Tensor):
        return (first.dtype, first.shape, content(first)) == (
            second.dtype,
            second.shape,
            content(second),
        )
    if isinstance(first, np.ndarray):
        if (first.dtype, first.shape) != (second.dtype, second.shape):
            return False
        if first.dtype.kind in "UO":
            return same(first.tolist(), second.tolist())
        return first.tobytes() == second.tobytes()
    if isinstance(first, float | np.floating) and math.isnan(first):
        return math.isnan(second)
    return first == second


text = st.text(st.characters(exclude_categories=()), max_size=6)
dtypes = st.sampled_from(
    ["?", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[s]", "U3"]
)
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))
tensors = st.builds(
    lambda dtype, shape, seed: (
        torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 9
    ).to(dtype),
    st.sampled_from(
        [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.bool]
    ),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 9),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), text,
    st.floats(width=32).map(np.float32), st.floats().map(np.float64),
    st.integers(-(2**31), 2**31 - 1).map(np.int32), st.booleans().map(np.bool_),
)  # fmt: skip
keys = st.one_of(text, st.integers(), st.booleans(), st.tuples(st.integers(), text), st.none())
states = st.dictionaries(
    text,
    st.recursive(
        st.one_of(scalars, arrays, tensors),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(keys, inner, max_size=4),
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@given(state=states)
@settings(max_examples=50)
def test_any_nested_state_comes_back(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("state") / "m"
    write_state(path, "Bootstrap", {}, state)
    assert same(read_state(path).state, state)


@pytest.mark.parametrize(
    "value",
    [
        {"__tensor__": "state/a"},
        {"__float__": "nan", "b": {"__tuple__": []}},
        {"a/b": np.arange(2), "a": {"b": np.arange(3)}},
        np.array(["a", None, 3, 2.5, float("nan")], dtype=object),
        np.array([["x", "é"], ["", "\ud800"]]),
        np.arange(6, dtype=">i4").reshape(2, 3).T.astype("i4"),
        np.float64("nan"),
        np.str_("label"),
        np.datetime64("2020-02-29", "D"),
        torch.nn.Parameter(torch.ones(2)).detach(),
        torch.tensor([[1 + 2j]]),
    ],
)
def test_awkward_values_come_back(tmp_path, value):
    write_state(tmp_path / "m", "Bootstrap", {}, {"value": value})
    assert same(read_state(tmp_path / "m").state["value"], value)


def test_foreign_byte_order_becomes_native(tmp_path):
    write_state(tmp_path / "m", "Bootstrap", {}, {"a": np.arange(3, dtype=">f4")})
    assert same(read_state(tmp_path / "m").state["a"], np.arange(3, dtype="f4"))


def test_tensors_that_share_memory_come_back_apart(tmp_path):
    base = torch.arange(6.0)
    write_state(tmp_path / "m", "Bootstrap", {}, {"a": base, "b": base[2:], "c": base})
    state = read_state(tmp_path / "m").state
    state["a"] += 1
    assert state["b"].tolist() == [2, 3, 4, 5]
    assert torch.equal(state["c"], base)


def test_the_file_is_plain_safetensors_with_json(tmp_path):
    from safetensors import safe_open

    write_state(tmp_path / "m", "Bootstrap", {"a": 1}, {"weight": torch.ones(2, 3)})
    with safe_open(tmp_path / "m", framework="numpy") as file:
        assert list(file.keys()) == ["state/weight"]
        document = json.loads(file.metadata()["augment"])
    assert document["format"] == _statefile.FORMAT
    assert document["head"]["class"] == "Bootstrap"
    assert document["head"]["versions"]["augment"] == augment.__version__


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, np.array([object()]), torch.ones(2).to_sparse(),
     torch.ones(2).to(torch.float8_e5m2), b"bytes",
     np.array([(1, 2)], dtype="i4,i4"), np.complex64(1), np.longdouble(1),
     np.ones(2, np.longdouble), np.ones(2, np.clongdouble), np.array([b"bytes"])],
)  # fmt: skip
def test_what_cannot_be_stored_is_named(tmp_path, value):
    with pytest.raises(InvalidTypeError, match=r"state/outer/1"):
        write_state(tmp_path / "m", "Bootstrap", {}, {"outer": [0, value]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.random.RandomState(0), np.arange(3), {"nested": [object()]}])
def test_a_parameter_that_cannot_be_stored_is_named(tmp_path, value):
    with pytest.raises(InvalidInputError, match=r"'random_state' of Bootstrap cannot be saved"):
        write_state(tmp_path / "m", "Bootstrap", {"random_state": value}, {})
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path_is_named_and_nothing_is_left(tmp_path):
    for path in (tmp_path / "none" / "m", tmp_path):
        with pytest.raises(InvalidInputError, match=str(path)):
            write_state(path, "Bootstrap", {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m"
    write_state(path, "Bootstrap", {}, {"a": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInputError, match="No space left"):
        write_state(path, "Bootstrap", {}, {"a": 2})
    assert read_state(path).state == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def blob(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "m"
    state = {"weights": torch.arange(12.0).view(3, 4), "knots": np.linspace(0, 1, 5), "n": [1, 2.5]}
    write_state(path, "Bootstrap", {"random_state": 0}, state)
    return path.read_bytes()


def damaged(folder: Path, content: bytes) -> Path:
    path = folder / "m"
    path.write_bytes(content)
    return path


@given(data=st.data())
@settings(max_examples=60)
def test_a_file_cut_off_anywhere_is_refused(tmp_path_factory, blob, data):
    length = data.draw(st.integers(0, len(blob) - 1))
    path = damaged(tmp_path_factory.mktemp("cut"), blob[:length])
    with pytest.raises(
        ModelFileError, match=r"(?s)m' is .*(damaged|not a file that augment wrote)"
    ):
        read_state(path)


@given(data=st.data())
@settings(max_examples=150)
def test_a_flipped_bit_is_refused_or_harmless(tmp_path_factory, blob, data):
    place = data.draw(st.integers(0, len(blob) - 1))
    content = bytearray(blob)
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    folder = tmp_path_factory.mktemp("flip")
    good = read_state(damaged(folder, blob))
    path = damaged(folder, bytes(content))
    with suppress(ModelFileError):
        found = read_state(path)  # harmless: a bit of the header's padding, say
        assert same((found.params, found.state), (good.params, good.state))


def rewritten(blob, change):
    """Change the header's document and tensors, and write a file that is consistent otherwise."""
    size = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + blob[8 + size :]


def changed_document(**entries):
    def change(header):
        document = json.loads(header["__metadata__"]["augment"])
        document.update(entries)
        header["__metadata__"]["augment"] = json.dumps(document)

    return change


def test_a_consistent_lie_is_refused_too(tmp_path, blob):
    """A file with a right checksum over a state that cannot be."""
    import hashlib

    def change(header):
        changed_document(state={"__tensor__": "state/none"}, tensors={})(header)
        for name in ("state/weights", "state/knots"):
            header.pop(name)
        digest = hashlib.sha256(header["__metadata__"]["augment"].encode()).hexdigest()
        header["__metadata__"]["augment_sha256"] = digest

    size = int.from_bytes(blob[:8], "little")
    path = damaged(tmp_path, rewritten(blob[: 8 + size], change))
    with pytest.raises(ModelFileError, match="cannot be put together"):
        read_state(path)


def changed_tensor(**entries):
    def change(header):
        header["state/weights"].update(entries)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed_document(format=99), r"format version 99.*reads up to 1.*Upgrade"),
        (changed_document(format="x"), r"format version x"),
        (changed_document(kind="checkpoint"), r"is a checkpoint file; a model file was expected"),
        (changed_document(head={}), r"damaged.*checksum"),
        (changed_document(tensors=[]), r"damaged.*manifest"),
        (changed_document(tensors={}), r"damaged.*unexpected tensors"),
        (changed_tensor(shape=[4, 3]), r"should be float32 of shape \(3, 4\).*\(4, 3\)"),
        (changed_tensor(dtype="I32"), r"'state/weights' should be float32.* and is int32"),
        (changed_tensor(shape=[5, 3]), r"damaged.*tensors cannot be read"),
        (lambda header: header["__metadata__"].pop("augment"), r"without an 'augment' entry"),
        (lambda header: header["__metadata__"].pop("augment_sha256"), r"damaged.*checksum"),
        (lambda header: header["__metadata__"].update(augment="{"), r"damaged.*cannot be read"),
        (lambda header: header["__metadata__"].update(augment="[]"), r"damaged.*cannot be read"),
        (lambda header: header["__metadata__"].update(augment='{"format": 1, "kind": "model"}'),
         r"damaged.*incomplete"),
    ],
)  # fmt: skip
def test_a_tampered_file_is_refused(tmp_path, blob, change, words):
    path = damaged(tmp_path, rewritten(blob, change))
    with pytest.raises(ModelFileError, match=f"(?s){words}"):
        read_state(path)


def test_files_that_are_no_models_are_refused(tmp_path):
    save_file({"a": np.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n" * 50)
    (tmp_path / "empty").write_bytes(b"")
    for name in ("other.safetensors", "table.csv", "empty"):
        with pytest.raises(ModelFileError, match=rf"{name}.*is not a file that augment wrote"):
            load(tmp_path / name)
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ModelFileError, match=rf"Cannot read '{path}'"):
            load(path)


class Model:
    def __init__(self, size=1):
        self.size = size

    def _set_state(self, state):
        self.state_ = state


@pytest.fixture
def _known_model(monkeypatch):
    monkeypatch.setitem(augment._STORED, "Model", __name__)
    monkeypatch.setitem(
        __import__("sys").modules, __name__, __import__("types").SimpleNamespace(Model=Model)
    )


@pytest.mark.usefixtures("_known_model")
def test_load_builds_the_class_with_its_parameters_and_state(tmp_path):
    write_state(tmp_path / "m", "Model", {"size": 3}, {"a": torch.ones(1)})
    model = load(str(tmp_path / "m"))
    assert isinstance(model, Model)
    assert model.size == 3
    assert model.state_["a"].device.type == "cpu"


@pytest.mark.usefixtures("_known_model")
def test_load_refuses_unknown_classes_and_parameters(tmp_path):
    write_state(tmp_path / "m", "Modell", {}, {})
    with pytest.raises(ModelFileError, match=r"'Modell'.*Did you mean 'Model'"):
        load(tmp_path / "m")
    write_state(tmp_path / "m", "Model", {"sise": 3}, {}, {"augment": "9.9"})
    with pytest.raises(ModelFileError, match=r"\['sise'\].*saved with.*9\.9"):
        load(tmp_path / "m")


def leaves(state, path=()):
    """All ways to the leaves of nested dicts and lists."""
    inner = state.items() if isinstance(state, dict) else enumerate(state)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_state_that_makes_no_model_is_refused(tmp_path, data):
    X = np.random.default_rng(0).normal(size=(20, 2))
    saved = tmp_path / "m"
    if not saved.exists():
        augment.GaussianCopula(random_state=0).fit(X, np.repeat([0, 1], 10)).save(saved)
    stored = read_state(saved)
    *way, last = data.draw(st.sampled_from(list(leaves(stored.state))))
    place = stored.state
    for key in way:
        place = place[key]
    if data.draw(st.booleans()):
        del place[last]
    else:
        place[last] = data.draw(st.sampled_from([None, "x", -1, {}, [], np.zeros((0, 7))]))
    write_state(tmp_path / "wrong", stored.class_name, stored.params, stored.state)
    with suppress(ModelFileError):  # what a state does not say, its class may not need
        load(tmp_path / "wrong")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_saved_on_a_gpu_loads_on_the_cpu(tmp_path):
    write_state(tmp_path / "m", "Bootstrap", {}, {"a": torch.arange(3.0, device="cuda")})
    assert same(read_state(tmp_path / "m").state["a"], torch.arange(3.0))
