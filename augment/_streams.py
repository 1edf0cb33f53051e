"""Long requests for synthetic rows, in pieces that fit into memory, from several processes.

Row i of a request depends on the seed and on i alone, so it does not matter how a request is cut
into pieces or who draws which.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from augment._random import BLOCK, seed_from

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw_rows"]


def draw_rows(
    generator: Any,
    n_rows: int | None,
    y: Any,
    seed: int | None,
    chunk: int,
    n_jobs: int = 1,
) -> Iterator[pd.DataFrame]:
    """Draw rows with their labels as the last columns, in pieces that fit into memory.

    Parameters
    ----------
    generator : estimator
        A fitted generator.
    n_rows : int or None
        How many; None if `y` says it.
    y : label, dict of counts, or None
        As in ``generator.sample``.
    seed : int or None
        The same seed gives the rows of ``generator.sample(n_rows, y=y, random_state=seed)``,
        whatever `chunk` and `n_jobs`.
    chunk : int
        Rows in a piece, rounded up to whole blocks of noise.
    n_jobs : int, default=1
        Processes; -1 is one per core.

    Yields
    ------
    DataFrame
        One piece after the other, in order.
    """
    seed = seed_from(seed)
    total = sum(y.values()) if n_rows is None and isinstance(y, Mapping) else n_rows
    step = -(-chunk // BLOCK) * BLOCK
    if total is None or total <= step:  # also what cannot be served: `sample` says why
        count = {} if n_rows is None else {"n_samples": n_rows}
        yield _with_labels(*generator.sample(**count, y=y, random_state=seed))
        return
    parts = ((start, min(start + step, total)) for start in range(0, total, step))
    calls = ((_part, (generator, start, stop, y, seed)) for start, stop in parts)
    yield from _in_order(calls, min(n_jobs, -(-total // step)))


def _part(generator: Any, start: int, stop: int, y: Any, seed: int) -> pd.DataFrame:
    """Draw one piece."""
    return _with_labels(*generator._sample_part(start, stop, y, seed))


def _with_labels(rows: Any, labels: Any) -> pd.DataFrame:
    """Put labels, or conditions, behind the rows."""
    import pandas as pd

    rows = pd.DataFrame(rows)
    if labels is None:
        return rows
    named = labels if isinstance(labels, pd.DataFrame) else pd.Series(labels).to_frame()
    named = named.rename(columns=str)
    return rows.assign(**{str(name): named[name].to_numpy() for name in named.columns})


def _in_order(
    calls: Iterator[tuple[Callable[..., Any], tuple[Any, ...]]], n_jobs: int
) -> Iterator[Any]:
    """Run calls, a few ahead of what has been taken, and give their results in order."""
    import joblib

    n_workers = joblib.effective_n_jobs(n_jobs)
    if n_workers == 1:
        yield from (function(*arguments) for function, arguments in calls)
        return
    # A pool of its own: joblib's own reusable one must be made by joblib.
    from joblib.externals.loky import ProcessPoolExecutor

    waiting: deque[Any] = deque()
    with ProcessPoolExecutor(max_workers=n_workers) as executor:
        for function, arguments in calls:
            waiting.append(executor.submit(function, *arguments))
            if len(waiting) > n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
