"""How a worker's process is started, where none can be, and what is said of one that does not come up."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import sys
from multiprocessing import context, popen_spawn_posix, process, reduction, resource_tracker, spawn, util
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError
from soundstage.running.executors.interrupts import own_modules_in_children

UNGUARDED = (
    "a worker imports the script that started it, and this one calls Soundstage while it is imported: put that call"
    ' under `if __name__ == "__main__":`, or use workers=1'
)
GUARD = 'where the script that calls Soundstage does so outside `if __name__ == "__main__":`, put it there'


def refuse_in_a_starting_worker() -> None:
    """Raises SoundstageError where this process is a worker of a run whose script has begun that run again."""
    if getattr(process.current_process(), "_inheriting", False):
        raise SoundstageError(UNGUARDED)


def refuse_where_no_worker_starts() -> None:
    """Raises SoundstageError where it is known beforehand that no process can become a worker of this one."""
    refuse_in_a_starting_worker()
    if process.current_process().daemon:
        raise SoundstageError(
            "this process is a worker of a multiprocessing pool, which may start no processes of its own: use"
            " workers=1 and no limits here, or concurrent.futures.ProcessPoolExecutor round it"
        )
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file is None or getattr(main, "__spec__", None) is not None:
        return
    if not Path(process.ORIGINAL_DIR or "", file).exists():  # type: ignore[attr-defined]
        raise SoundstageError(
            f"a worker imports the script that started it, and {Path(file).name} is no file: save the script as one,"
            " or use workers=1"
        )


def not_started(how: str, said: str) -> SoundstageError:
    """What to tell of a worker that died before it was ready. said: what it printed."""
    if UNGUARDED in said:
        return SoundstageError(UNGUARDED)
    lines = said.splitlines()  # the last of a traceback is what it is about
    words = f"; it last said: {lines[-1].strip()}" if lines else ""
    return SoundstageError(f"a worker process could not start ({how}){words}; {GUARD}, or use workers=1")


class Process(context.SpawnProcess):
    """A process that prints into a file and leads a group from its first moment on, and hears no Ctrl-C.

    It finds Python's own modules before those of the current folder, as multiprocessing's own do not.
    """

    def __init__(self, prints: Path, target: Any, args: tuple[Any, ...], name: str) -> None:
        super().__init__(target=target, args=args, name=name, daemon=False)
        self._prints = str(prints)

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        return _Popen(process_obj)


class _Popen(popen_spawn_posix.Popen):
    """multiprocessing's way to start a process, but for the last step."""

    def __init__(self, process_obj: Any) -> None:
        self._inherited: list[int] = []
        super().__init__(process_obj)

    def duplicate_for_child(self, fd: int) -> int:
        """The descriptor's number in the child, which is the same."""
        self._inherited.append(fd)
        return fd

    def _launch(self, process_obj: Any) -> None:
        with own_modules_in_children():
            resource_tracker.ensure_running()
        tracker = resource_tracker.getfd()
        assert tracker is not None
        written = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            reduction.dump(spawn.get_preparation_data(process_obj.name), written)
            reduction.dump(process_obj, written)
        finally:
            context.set_spawning_popen(None)
        self.sentinel, death = os.pipe()
        orders, ours = os.pipe()
        self.finalizer = util.Finalize(self, _close, (self.sentinel, ours))
        try:
            command = spawn.get_command_line(tracker_fd=tracker, pipe_handle=orders)
            if not getattr(sys, "frozen", False) and "-P" not in command:
                command.insert(1, "-P")
            self.pid = _started(command, [*self._inherited, tracker, orders, death], process_obj._prints)
        finally:
            _close(orders, death)
        with open(ours, "wb", closefd=False) as stream, contextlib.suppress(BrokenPipeError):  # it is dead already
            stream.write(written.getbuffer())


def _close(*descriptors: int) -> None:
    for number in descriptors:
        os.close(number)


def _started(command: list[Any], inherited: list[int], prints: str) -> int:
    """The id of a new process that has these descriptors, nothing to read, and prints into a file."""
    program = os.fsdecode(command[0])
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, prints, append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    mask = {*signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.SIGINT}
    before = {number: os.get_inheritable(number) for number in inherited}
    try:
        for number in before:
            os.set_inheritable(number, True)
        return os.posix_spawn(program, command, os.environ, file_actions=actions, setpgroup=0, setsigmask=mask)
    finally:
        for number, was in before.items():
            os.set_inheritable(number, was)


def start_method() -> multiprocessing.context.SpawnContext:
    """Whose pipes the processes use."""
    return multiprocessing.get_context("spawn")
