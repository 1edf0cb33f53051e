"""Ctrl-C at the keyboard: this process stops, and ends those that it started."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["Stopped", "terminated_as_interrupted", "workers_shielded"]


class Stopped(typer.Abort):
    """A stop by the keyboard; its message says what is kept."""


@contextmanager
def workers_shielded() -> Iterator[None]:
    """Keep Ctrl-C from the processes that are started inside.

    A terminal sends Ctrl-C to every process of a command. Each worker would then die with a
    traceback of its own, in the midst of whatever this process says. Processes inherit what a
    thread has blocked, so the interrupt is blocked here, too; a thread waits for it, and wakes
    the main thread with another signal.
    """
    if not _can_shield():
        yield
        return
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(threading.get_ident(), over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        signal.pthread_kill(watcher.ident or 0, signal.SIGINT)
        watcher.join()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Take SIGTERM, by which schedulers of clusters stop a command, as Ctrl-C.

    Otherwise it would end this process at once, and leave what is half-written.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _can_shield() -> bool:
    """Tell whether Ctrl-C means a stop here, and this system can block it."""
    return (
        hasattr(signal, "pthread_sigmask")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _watch(main: int, over: threading.Event) -> None:
    """Hand each interrupt on to the main thread, until all is over."""
    while True:
        signal.sigwait({signal.SIGINT})
        if over.is_set():
            return
        signal.pthread_kill(main, signal.SIGUSR1)
