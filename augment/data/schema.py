"""What a table is made of: kinds, dtypes, levels, decimals, ranges and exact relations.

A schema is inferred once, at ``fit``, and carries everything needed to turn the caller's table into
a *canonical frame* and back. In a canonical frame every column is float64 and NaN means missing:

=============  ==========================================================
kind           meaning of a value
=============  ==========================================================
numeric        the number itself
datetime       whole steps (``Column.unit``) since 1970-01-01, wall clock, or
               since the column ``Column.since``
categorical    position in ``Column.levels``
boolean        position in ``Column.levels``, that is (False, True)
constant       0
missing        always NaN
=============  ==========================================================
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import (
    AugmentWarning,
    InvalidInputError,
    InvalidTypeError,
    as_option,
    did_you_mean,
    listed,
)
from augment.data._containers import as_frame
from augment.data._inference import infer_column
from augment.data._scalars import plain, rebuilt
from augment.data._values import from_codes, to_codes
from augment.data.columns import Column, LinearRelation
from augment.data.joint import Choice, find_choices, find_shared_masks
from augment.data.order import absolute, find_order, relative
from augment.data.relations import find_relations

__all__ = ["Column", "LinearRelation", "TableSchema"]


@dataclass(frozen=True)
class TableSchema:
    """The columns of a table, the exact relations between them, and its container.

    Attributes
    ----------
    columns : tuple of Column
    relations : tuple of LinearRelation
        No target is a term of another relation's target that comes later in the tuple.
    container : {"frame", "array"}
    dtype : str
        The dtype of an array; empty for a frame.
    choices : tuple of Choice
        Flags of which one is on in each row.
    shared_masks : tuple of tuple
        Names of columns whose entries are missing in the same rows.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"age": [41, 52, 63], "sex": ["f", "m", "f"]})
    >>> schema = TableSchema.infer(X)
    >>> [column.kind for column in schema.columns]
    ['numeric', 'categorical']
    >>> schema.restore(schema.conform(X)).equals(X)
    True
    """

    columns: tuple[Column, ...]
    relations: tuple[LinearRelation, ...] = ()
    container: str = "frame"
    dtype: str = ""
    choices: tuple[Choice, ...] = ()
    shared_masks: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def infer(
        cls, X: Any, overrides: Mapping[Any, Any] | None = None, *, order_dates: bool = True
    ) -> TableSchema:
        """Learn the schema of a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        overrides : mapping, optional
            Column name to what the column is: a kind ("numeric", "categorical", "ordinal",
            "boolean", "datetime"), or a dict with "kind" and any of "levels", "lower", "upper".
        order_dates : bool, default=True
            Whether dates may be held as the time since an earlier one.

        Returns
        -------
        TableSchema

        Raises
        ------
        InvalidInputError
            For a table or a column that cannot be modelled; the message names the column.
        InvalidTypeError
            For sparse matrices and objects that are neither text nor numbers.

        Warns
        -----
        AugmentWarning
            For constant and all-missing columns, extreme magnitudes and names that are not strings;
            for columns that come out empty, because one cell is filled or, of amounts that differ,
            fewer than five.
        """
        frame, container, dtype = as_frame(X)
        declared = _checked_overrides(overrides, list(frame.columns))
        columns = tuple(
            infer_column(frame.iloc[:, i], declared.get(name, {}), named=container == "frame")
            for i, name in enumerate(frame.columns)
        )
        _tell_of_constants(columns)
        schema = cls(columns, (), container, dtype)
        values = schema._canonical(frame).to_numpy()
        relations = find_relations(columns, values)
        choices = tuple(c for c in find_choices(columns, values) if _is_free(c, relations))
        masks = find_shared_masks(columns, values)
        if order_dates:
            ordered = find_order(columns, values, relations)
            columns = tuple(
                old if old.name in declared else new
                for old, new in zip(columns, ordered, strict=True)
            )
        return cls(columns, relations, container, dtype, choices, masks)

    @property
    def names(self) -> list[Any]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def computed(self) -> set[Any]:
        """The names of columns that others determine; of a choice, all but its first column."""
        names = {relation.target for relation in self.relations}
        for choice in self.choices:
            names = (names - {choice.columns[0]}) | set(choice.columns[1:])
        return names

    def __getitem__(self, name: Any) -> Column:
        return self.columns[self.names.index(name)]

    def conform(self, X: Any) -> pd.DataFrame:
        """Check a table against the schema and give the canonical frame.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            A frame must have the fitted columns in the fitted order. An array in the place of a
            frame (or the other way round) is taken by position.

        Returns
        -------
        DataFrame of float64
            See the table in the module's docstring. The values of constant and all-missing
            columns are not looked at.

        Raises
        ------
        InvalidInputError
            Naming the columns that differ, or the column and the value that do not fit.
        """
        frame, container, _ = as_frame(X, warn=False)
        if container == "frame" == self.container:
            self._check_columns(list(frame.columns))
        elif frame.shape[1] != len(self.columns):
            raise InvalidInputError(
                f"X has {frame.shape[1]} features, but the model is expecting "
                f"{len(self.columns)} features as input: {listed(self.names)}."
            )
        return self._canonical(frame)

    def restore(self, frame: pd.DataFrame) -> pd.DataFrame | np.ndarray:
        """Turn a canonical frame into the container and the dtypes of the fitted table.

        Parameters
        ----------
        frame : DataFrame of float64
            As given by :meth:`conform` or by a decoder; the columns in schema order.

        Returns
        -------
        DataFrame or ndarray of shape (n_rows, n_columns)
        """
        table = self.restore_frame(frame)
        if self.container == "frame":
            return table
        array = np.empty(table.shape, dtype=self.dtype)
        for i in range(array.shape[1]):
            array[:, i] = table.iloc[:, i].to_numpy()
        return array

    def restore_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Turn a canonical frame into a frame with the fitted dtypes, even if X was an array."""
        values = absolute(self.columns, frame.to_numpy(dtype=np.float64))
        series = [from_codes(c, values[:, i]) for i, c in enumerate(self.columns)]
        table = pd.concat(series, axis=1)
        table.columns = pd.Index(self.names)
        return table

    def missing_with(self, i: int) -> list[int]:
        """Give the places of a column and of those that go missing with it."""
        names, name = self.names, self.columns[i].name
        shared = next((known for known in self.shared_masks if name in known), (name,))
        return [names.index(other) for other in shared]

    def to_dict(self) -> dict[str, Any]:
        """Write the schema with JSON values alone."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "relations": [relation.to_dict() for relation in self.relations],
            "container": self.container,
            "dtype": self.dtype,
            "choices": [choice.to_dict() for choice in self.choices],
            "shared_masks": [[plain(name) for name in names] for names in self.shared_masks],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableSchema:
        """Read what :meth:`to_dict` wrote."""
        columns = tuple(Column.from_dict(column) for column in values["columns"])
        relations = tuple(LinearRelation.from_dict(item) for item in values["relations"])
        choices = tuple(Choice.from_dict(item) for item in values["choices"])
        masks = tuple(tuple(rebuilt(name) for name in names) for names in values["shared_masks"])
        return cls(columns, relations, values["container"], values["dtype"], choices, masks)

    def _canonical(self, frame: pd.DataFrame) -> pd.DataFrame:
        codes = [to_codes(c, frame.iloc[:, i]) for i, c in enumerate(self.columns)]
        values = relative(self.columns, np.column_stack(codes))
        return pd.DataFrame(values, columns=pd.Index(self.names))

    def _check_columns(self, found: list[Any]) -> None:
        if found == self.names:
            return
        missing = [name for name in self.names if name not in found]
        extra = [name for name in found if name not in self.names]
        detail = "they are in another order; use X[feature_names]"
        if missing or extra:
            detail = f"missing: {listed(missing)}; unexpected: {listed(extra)}"
            detail += did_you_mean(extra[0], missing) if missing and extra else ""
        raise InvalidInputError(
            f"The feature names should match those that were passed during fit; {detail}."
        )


def _is_free(choice: Choice, relations: tuple[LinearRelation, ...]) -> bool:
    """Tell whether no relation computes one of the flags from a column outside the choice."""
    own = set(choice.columns)
    return all(
        own >= {name for name, _ in relation.terms}
        for relation in relations
        if relation.target in own
    )


def _tell_of_constants(columns: tuple[Column, ...]) -> None:
    """Name the columns with one value in one warning: in images as tables there are many."""
    found = [column for column in columns if column.kind == "constant"]
    if not found:
        return
    note = (
        f"{len(found)} columns have one value only; they are copied, not modelled: "
        f"{listed(column.name for column in found)}."
    )
    if len(found) == 1:
        note = (
            f"column {found[0].name!r} has one value only, {found[0].value!r}; it is copied, not "
            "modelled."
        )
    warnings.warn(note, AugmentWarning, stacklevel=4)


def _close_to(name: Any, names: list[Any]) -> str:
    """Suggest a column; where a command cut its name at a dot, say how to keep it whole."""
    cut = [other for other in map(str, names) if other.split(".")[0].split("=")[0] == str(name)]
    if cut:
        return f" In a command, quote the name of a column with a dot: {as_option(cut[0], 'KIND')}."
    return did_you_mean(name, names)


def _checked_overrides(
    overrides: Mapping[Any, Any] | None, names: list[Any]
) -> dict[Any, dict[str, Any]]:
    """Check the user's corrections and write all of them as dicts."""
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping):
        raise InvalidTypeError(
            "schema must be a mapping such as {'stage': 'categorical'}; "
            f"got {type(overrides).__name__}."
        )
    kinds = ("numeric", "categorical", "ordinal", "boolean", "datetime")
    keys = ("kind", "levels", "lower", "upper")
    checked = {}
    for name, given in overrides.items():
        if name not in names:
            raise InvalidInputError(
                f"schema names the column {name!r}, which is not in the table. "
                f"Its columns are {listed(names)}.{_close_to(name, names)}"
            )
        spec = dict(given) if isinstance(given, Mapping) else {"kind": given}
        wrong = [key for key in spec if key not in keys]
        if wrong or spec.get("kind", kinds[0]) not in kinds:
            raise InvalidInputError(
                f"schema for column {name!r} must be one of {listed(kinds)}, or a dict with the "
                f"keys {listed(keys)}; got {given!r}."
            )
        checked[name] = spec
    return checked
