"""Which cells a benchmark has, and how they are run."""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from augment._errors import InvalidInputError, did_you_mean, listed
from augment._random import rng_for
from augment.benchmarking.cells import Cell, Task, run_cell
from augment.benchmarking.datasets import SPARE, DataSet
from augment.benchmarking.dispatch import dispatched
from augment.benchmarking.methods import REAL, Method
from augment.benchmarking.store import CellStore
from augment.evaluation.classifiers import candidates

__all__ = ["Grid", "Limit"]


@dataclasses.dataclass(frozen=True)
class Limit:
    """The part of the grid that one generator runs on.

    Attributes
    ----------
    datasets : tuple of str
        Names; all if empty.
    sizes : tuple of int
        All if empty.
    repeats : int or None
        The first so many; all if None.
    """

    datasets: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    repeats: int | None = None

    def allows(self, cell: Cell) -> bool:
        """Tell whether a cell is inside."""
        return (
            (not self.datasets or cell.dataset in self.datasets)
            and (not self.sizes or cell.size in self.sizes)
            and (self.repeats is None or cell.repeat < self.repeats)
        )


@dataclasses.dataclass(frozen=True)
class Grid:
    """Data sets x sizes x repeats x generators.

    Attributes
    ----------
    datasets : dict of str to DataSet
    methods : dict of str to Method
        Without the arm of real rows, which every benchmark has.
    sizes : tuple of int
        Training rows.
    repeats : int
        Splits of each data set and size.
    limits : dict of str to Limit
        For generators that run on a part of the grid.
    estimators : dict of str to dict of str to classifier
        What learns from tables, and what from images: by kind, then by name.
    ratio : float or "auto"
        Synthetic rows per training row.
    seed : int
        Parent of all seeds.
    """

    datasets: Mapping[str, DataSet]
    methods: Mapping[str, Method]
    sizes: tuple[int, ...]
    repeats: int
    limits: Mapping[str, Limit]
    estimators: Mapping[str, Mapping[str, Any]]
    ratio: float | str
    seed: int

    def check(self) -> None:
        """Refuse a grid in which something could not run at all.

        Raises
        ------
        InvalidInputError
            If a limit names what is not there, a generator suits no data set, or no data set has
            enough rows.
        """
        for name, limit in self.limits.items():
            if name not in self.methods:
                raise InvalidInputError(
                    f"limits name the generator {name!r}, which is not compared."
                    f"{did_you_mean(name, self.methods)}"
                )
            for dataset in limit.datasets:
                if dataset not in self.datasets:
                    raise InvalidInputError(
                        f"limits of {name!r} name the data set {dataset!r}; there are "
                        f"{listed(self.datasets)}.{did_you_mean(dataset, self.datasets)}"
                    )
        kinds = {data.kind for data in self.datasets.values()}
        for method in self.methods.values():
            if method.kind not in kinds:
                raise InvalidInputError(
                    f"Generator '{method.name}' grows {_plural(method.kind)}; all data sets are "
                    f"{_plural(next(iter(kinds)))}. Leave it out."
                )
        if not self.cells():
            raise InvalidInputError(
                f"No data set can be divided at a size of {listed(self.sizes)}: it needs {SPARE} "
                f"times as many rows, and every class in both parts. Found: "
                f"{'; '.join(self.skipped())}. Use another size."
            )

    @functools.cached_property
    def _undivided(self) -> dict[tuple[str, int], str]:
        """Say which data sets cannot be divided at which sizes."""
        found = {}
        for name, data in self.datasets.items():
            for size in self.sizes:
                if not data.serves(size):
                    found[name, size] = (
                        f"{name} has {len(data.cohort)} rows: too few to learn from {size} and "
                        "test on the rest"
                    )
                elif not data.divides(size, self.repeats, self._seed_of(name)):
                    found[name, size] = data.undivided(size)
        return found

    def skipped(self) -> list[str]:
        """Say which data sets are left out at which sizes, and why."""
        return list(self._undivided.values())

    def _seed_of(self, dataset: str) -> int:
        """Seed of the splits of one data set, whatever else is in the benchmark."""
        return int(rng_for(self.seed, zlib.crc32(dataset.encode())).integers(2**31))

    def cells(self) -> list[Cell]:
        """List all cells, repeat by repeat, so that what is there early is balanced."""
        return [
            cell
            for repeat in range(self.repeats)
            for name, data in self.datasets.items()
            for size in self.sizes
            if (name, size) not in self._undivided
            for cell in self._methods_of(name, data.kind, size, repeat)
        ]

    def _methods_of(self, dataset: str, kind: str, size: int, repeat: int) -> Iterator[Cell]:
        """Give the cells of one split."""
        yield Cell(dataset, size, repeat, REAL)
        for name, method in self.methods.items():
            cell = Cell(dataset, size, repeat, name)
            if method.kind == kind and self.limits.get(name, Limit()).allows(cell):
                yield cell

    def run(
        self,
        store: CellStore,
        *,
        backend: str = "loky",
        address: str | None = None,
        n_jobs: int = -1,
        progress: bool = False,
    ) -> int:
        """Run every cell that is not done yet, and write each as it finishes.

        Parameters
        ----------
        store : CellStore
            Where cells are kept.
        backend, address, n_jobs
            As for `augment.benchmarking.dispatch.dispatched`.
        progress : bool, default=False
            Show a progress bar.

        Returns
        -------
        int
            How many cells were run now.
        """
        todo = [cell for cell in self.cells() if not store.done(cell.key)]
        if not todo:
            return 0
        options: dict[str, Any] = {"backend": backend, "address": address, "n_jobs": n_jobs}
        results = dispatched(run_cell, self._tasks(todo), **options)
        for record in _shown(results, len(todo), progress):
            cell = Cell(*(record[field.name] for field in dataclasses.fields(Cell)))
            store.write(cell.key, record)
        return len(todo)

    def _tasks(self, cells: Sequence[Cell]) -> Iterator[Task]:
        """Give each cell its rows."""
        learners = {
            kind: candidates(dict(own), is_table=kind == "table")
            for kind, own in self.estimators.items()
            if own
        }
        for cell in cells:
            data = self.datasets[cell.dataset]
            seed = self._seed_of(cell.dataset)
            part = data.split(cell.size, cell.repeat, seed)
            own = int(rng_for(seed, cell.size, cell.repeat).integers(2**31))
            method = self.methods.get(cell.generator)
            yield Task(cell, method, part, learners.get(data.kind, ()), self.ratio, own, data.kind)


def _plural(kind: str) -> str:
    """Write a kind of data as one says it."""
    return {"table": "tables", "images": "images"}[kind]


def _shown(results: Iterator[Any], total: int, progress: bool) -> Iterator[Any]:
    """Pass results through, with a progress bar if wanted."""
    if not progress:
        yield from results
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn()) as bar:
        yield from bar.track(results, total=total, description="Cells")
