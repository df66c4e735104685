"""What separating costs is measured: time, and the memory of the process and of those it started."""

import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from soundstage.running.meter import metered

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells peaks of memory")


def test_seconds_are_those_that_it_took():
    with metered() as cost:
        time.sleep(0.05)
    assert 0.05 <= cost.seconds < 5.0


def test_memory_that_was_given_back_meanwhile_counts():
    with metered() as before:
        pass
    with metered() as cost:
        np.ones(30_000_000).sum()
    assert cost.peak_mb > before.peak_mb + 200.0


def test_memory_held_before_and_given_back_before_does_not_count():
    np.ones(50_000_000).sum()
    with metered() as cost:
        pass
    with metered() as again:
        np.ones(30_000_000).sum()
    assert again.peak_mb > cost.peak_mb + 200.0


def test_processes_that_it_started_count():
    with metered() as before:
        pass
    hold = "held = b'x' * 200_000_000; print('there', flush=True); import sys; sys.stdin.read()"
    with metered() as cost:
        child = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
    child.communicate()
    assert cost.peak_mb > before.peak_mb + 180.0


def test_what_fails_is_measured_too():
    with pytest.raises(ValueError, match="odd"), metered() as cost:
        raise ValueError("odd")
    assert cost.seconds > 0.0
    assert cost.gpu_peak_mb is None


def test_memory_that_is_kept_for_the_next_array_does_not_count():
    code = (
        "import numpy as np; from soundstage.running.allocator import keep_freed_memory;"
        "from soundstage.running.meter import metered; keep_freed_memory();\n"
        "with metered() as first: pass\n"
        "held = [np.ones(2_500_000) for _ in range(10)]; del held\n"
        "with metered() as second: pass\n"
        "print(second.peak_mb - first.peak_mb)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 50.0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep what they like")
def test_memory_is_kept_for_the_next_array_and_given_back_where_a_run_in_somebodys_process_ends():
    code = (
        "import numpy as np, psutil\n"
        "from soundstage.running.allocator import keep_freed_memory\n"
        "from soundstage.running.executors.inline import run_inline\n"
        "from soundstage.running.worker import Settings\n"
        "keep_freed_memory()\n"
        "before = psutil.Process().memory_info().rss\n"
        "held = [np.ones(2_500_000) for _ in range(10)]; del held\n"
        "print(psutil.Process().memory_info().rss - before)\n"
        "assert not [*run_inline([], Settings('out', 'run'), print)]\n"
        "print(psutil.Process().memory_info().rss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kept, at_last = map(int, done.stdout.split())
    assert kept > 150e6
    assert at_last < 50e6
