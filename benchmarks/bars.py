"""Every bar of speed in one run: what each asks, what was reached, and 1 where one is missed.

    python benchmarks/bars.py [--only metrics harness beside overlap cards] [--runs 3]

metrics: BSS Eval and SPAUQ against the originals, and the suite against real time (metrics.py). harness: a grid of
`umxhq` on 30 s songs against a bare loop (overhead.py); beside: the same with a process beside that renders and scores.
overlap: how long one copy of a model waits for scorers (overlap.py). cards: `soundstage audiometry` on two cores,
within two minutes. Needs a machine that does nothing else, museval and the extra `openunmix`. Each script can be run by
itself, and says more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
CARDS_S = 120.0


def script(name: str, *arguments: str) -> Callable[[], bool]:
    """Runs one of the scripts beside; whether it held its bars."""

    def run() -> bool:
        return subprocess.run([sys.executable, str(HERE / name), *arguments], check=False).returncode == 0

    return run


def cards() -> bool:
    """Make the cards of the built-in metrics anew, and tell how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "soundstage", "audiometry", "--out", str(Path(folder, "cards"))]
        began = time.perf_counter()
        done = subprocess.run([*command, "--workers", "2"], check=False, capture_output=True, text=True)
        spent = time.perf_counter() - began
    if done.returncode:
        print(done.stderr)
        return False
    print(f"soundstage audiometry --workers 2: {spent:.0f} s (wanted ≤ {CARDS_S:.0f} s)")
    return spent <= CARDS_S


def main() -> int:
    """Run them one after the other; 1 where one missed a bar, or could not be run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = ("metrics", "harness", "beside", "overlap", "cards")
    parser.add_argument("--only", nargs="+", choices=runs, default=runs, help="these of them")
    parser.add_argument("--runs", type=int, default=3, help="of which each figure is the median, or the best")
    options = parser.parse_args()
    umxhq = ("--model", "umxhq", "--repeat", str(options.runs))
    bars = {
        "metrics": script("metrics.py", "--runs", str(options.runs)),
        "harness": script("overhead.py", *umxhq),
        "beside": script("overhead.py", *umxhq, "--scorers", "1"),
        "overlap": script("overlap.py"),
        "cards": cards,
    }
    held = {}
    for name in options.only:
        print(f"\n== {name}", flush=True)
        held[name] = bars[name]()
    print()
    for name, is_held in held.items():
        print(f"{name:<10}{'held' if is_held else 'MISSED'}")
    return int(not all(held.values()))


if __name__ == "__main__":
    sys.exit(main())
