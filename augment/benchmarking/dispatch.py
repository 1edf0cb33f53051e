"""Cells to workers: through joblib on this machine, or to a Dask or a Ray cluster."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import joblib

from augment._errors import InvalidInputError, TrainingError, listed
from augment._optional import optional_import

__all__ = ["BACKENDS", "check_backend", "dispatched"]

BACKENDS = ("loky", "threading", "dask", "ray")
_PACKAGES = {"dask": "distributed", "ray": "ray"}


def check_backend(backend: str, address: str | None = None, n_jobs: int = -1) -> None:
    """Refuse a backend that there is not, an address without a cluster, and no worker at all.

    Raises
    ------
    InvalidInputError
        If one of them cannot be used.
    MissingDependencyError
        If the cluster's package is not installed.
    """
    if backend not in BACKENDS:
        raise InvalidInputError(f"Expected a backend out of {listed(BACKENDS)}; found {backend!r}.")
    if address and backend not in ("dask", "ray"):
        raise InvalidInputError(
            f"An address belongs to --backend dask or ray; found {backend!r}. Leave one out."
        )
    if n_jobs == 0:
        raise InvalidInputError(
            "Expected a number of workers (n_jobs), or -1 for one per core; found 0."
        )
    if backend in _PACKAGES:
        _package(backend)


def _package(backend: str) -> Any:
    """Import the package of a cluster."""
    purpose = f"The {backend.capitalize()} backend"
    return optional_import(_PACKAGES[backend], extra="distributed", purpose=purpose)


def dispatched(
    call: Callable[[Any], Any],
    tasks: Iterable[Any],
    *,
    backend: str = "loky",
    address: str | None = None,
    n_jobs: int = -1,
) -> Iterator[Any]:
    """Run tasks on workers, and give each result as it comes.

    Parameters
    ----------
    call : callable
        Called with each task, in a worker.
    tasks : iterable
        Read as workers become free.
    backend : {"loky", "threading", "dask", "ray"}
        Processes here; threads here (for rivals, which are processes of their own); a cluster.
    address : str, optional
        Of the cluster's scheduler; without one a cluster is started on this machine.
    n_jobs : int, default=-1
        Workers; -1 is one per core, or all of the cluster's.

    Yields
    ------
    object
        Results, in no order.

    Raises
    ------
    InvalidInputError
        If the backend is unknown, or an address is given for one without, or nothing answers there.
    MissingDependencyError
        If the cluster's package is not installed.
    TrainingError
        If a local worker process is killed from outside.
    """
    check_backend(backend, address, n_jobs)
    if backend == "dask":
        with _dask_client(address, n_jobs) as client:
            yield from _through_dask(client, call, tasks)
        return
    if backend == "ray":
        with _ray_cluster(address, n_jobs) as ray:
            yield from _through_ray(ray, call, tasks, n_jobs)
        return
    with joblib.parallel_config(backend=backend):
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        results = parallel(joblib.delayed(call)(task) for task in tasks)
        try:
            yield from results
        except _broken() as error:
            raise TrainingError(
                "A worker process was killed, perhaps for want of memory. What is done is kept: "
                "run the same command again, with fewer workers if memory is short."
            ) from error


def _through_dask(client: Any, call: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
    """Keep every worker of a Dask cluster busy; a task whose worker is lost goes to another.

    This is what joblib's Dask backend does, without its guesses at what to send ahead.
    """
    distributed = _package("dask")
    waiting = iter(tasks)

    def submitted(n: int) -> list[Any]:
        return [client.submit(call, task, pure=False) for task in itertools.islice(waiting, n)]

    running = distributed.as_completed(submitted(2 * max(1, sum(client.ncores().values()))))
    for future in running:
        result = future.result()
        running.update(submitted(1))
        yield result


def _dask_client(address: str | None, n_jobs: int) -> Any:
    """Join a Dask cluster, or start one of processes with one thread each."""
    distributed = _package("dask")
    if address:
        try:
            return distributed.Client(address, timeout=20)
        except (OSError, ValueError) as error:
            raise InvalidInputError(
                f"No Dask scheduler answers at '{address}' ({error}). Start one: dask scheduler"
            ) from error
    n_workers = joblib.effective_n_jobs(n_jobs)
    return distributed.Client(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)


def _through_ray(
    ray: Any, call: Callable[[Any], Any], tasks: Iterable[Any], n_jobs: int
) -> Iterator[Any]:
    """Keep the workers of a Ray cluster busy; Ray itself repeats a task whose worker is lost.

    joblib's Ray backend gives all results at the end: a benchmark that is stopped would lose them.
    """
    remote = ray.remote(num_cpus=1, max_retries=3)(call)
    waiting = iter(tasks)
    n_workers = n_jobs if n_jobs > 0 else max(1, int(ray.cluster_resources().get("CPU", 1)))
    running = [remote.remote(task) for task in itertools.islice(waiting, n_workers)]
    while running:
        done, running = ray.wait(running, num_returns=1)
        running += [remote.remote(task) for task in itertools.islice(waiting, 1)]
        yield ray.get(done[0])


@contextmanager
def _ray_cluster(address: str | None, n_jobs: int) -> Iterator[Any]:
    """Join a Ray cluster, or start one on this machine; leave, or end, it afterwards."""
    ray = _package("ray")
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"address": address} if address else {"include_dashboard": False}
    if not address and n_jobs > 0:
        options["num_cpus"] = n_jobs
    try:
        ray.init(**options, logging_level="ERROR", log_to_driver=False)
    except ConnectionError as error:
        raise InvalidInputError(
            f"No Ray cluster answers at '{address}' ({error}). Start one with: ray start --head"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _broken() -> type[Exception]:
    """Give the error of a local worker that was killed."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    error: type[Exception] = TerminatedWorkerError
    return error
