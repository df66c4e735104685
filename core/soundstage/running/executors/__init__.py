"""Where cells run. Every executor runs the same jobs and yields the same outcomes."""

from __future__ import annotations

from soundstage.running.executors.contract import Executor


def executor_of(name: str, workers: int, scheduler: str, scorers: int = 0) -> Executor:
    """The executor of that name, imported now. Raises NotInstalled where what it needs is not."""
    if name == "inline":
        from soundstage.running.executors.inline import run_inline

        return run_inline
    if name == "dask":
        from soundstage.running.executors.dask import dask_cluster

        return dask_cluster(workers, scheduler)
    from soundstage.running.executors.processes import process_pool

    return process_pool(workers, scorers)
