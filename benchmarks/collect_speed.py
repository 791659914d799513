"""How much faster several connections collect a slow site than one request after another.

Needs the replay of sportslogohistory.com beside the real logos (LOGOLIB_DATA). python benchmarks/collect_speed.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from logolib.collect import collect
from logolib.config import CollectSettings
from logolib.report.benchmarks import keep

DATA = Path(os.environ.get("LOGOLIB_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")).resolve()
REPLAY = DATA.parent / "site" / "serve.py"


def seconds(address: str, connections: int) -> tuple[float, int]:
    """Seconds to collect all of a site into an empty folder, and how many logos that gave."""
    with tempfile.TemporaryDirectory() as out:
        settings = CollectSettings(source=address, connections=connections)
        start = time.perf_counter()
        result = collect(settings, Path(out), progress=False)
        return time.perf_counter() - start, result.values["logos"]


def main() -> None:
    """Collect both ways, the sequential one last, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/collect.json"))
    args = parser.parse_args()
    if not REPLAY.is_file():
        sys.exit(f"There is no replay {REPLAY}; name the folder of the real logos in LOGOLIB_DATA.")
    command = [sys.executable, str(REPLAY), "--latency-ms", str(args.latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            found = {n: seconds(address, n) for n in (args.connections, 1)}
        finally:
            server.terminate()
    keep(
        args.out,
        [
            {
                "way": f"{n} connections" if n > 1 else "one request after another",
                "latency of the site": f"{args.latency_ms:g} ms",
                "rows": logos,
                "seconds": round(took, 1),
                "times as fast": round(found[1][0] / took, 1),
            }
            for n, (took, logos) in found.items()
        ],
    )
    print(args.out.read_text("utf8"))


if __name__ == "__main__":
    main()
