"""Every example in a docstring of the installed package runs and prints what it says."""

import doctest
import importlib

import pytest

from tests.house import module_names

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", module_names())
def test_docstring_examples(name: str, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name), optionflags=OPTIONS).failed == 0
