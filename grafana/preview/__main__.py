"""`python -m grafana.preview --prometheus URL --out DIR [--range 10m]`."""

import argparse
import sys
import time
from pathlib import Path
from urllib.error import URLError

from grafana.preview.document import read, seconds
from grafana.preview.page import draw
from grafana.preview.source import Source

DASHBOARDS = Path(__file__).parents[1] / "dashboards"


def main() -> int:
    """Draw every committed dashboard; 1 if Prometheus refused a query, 2 if it cannot be asked."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    end = time.time() if arguments.end is None else arguments.end
    source = Source(arguments.prometheus, end - seconds(arguments.range), end)
    refused = 0
    for path in sorted(DASHBOARDS.glob("*.json")):
        picture = arguments.out / f"{path.stem}.png"
        try:
            drawn = draw(read(path), source, seconds(arguments.scrape), picture)
        except URLError as error:
            sys.stderr.write(f"{arguments.prometheus} cannot be asked: {error.reason}\n")
            return 2
        refused += len(drawn.refused)
        print(picture, *(f"  empty: {title}" for title in drawn.empty), *drawn.refused, sep="\n")
    return 1 if refused else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m grafana.preview", description="Draw the dashboards' data.")
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", help="its URL (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for one PNG a dashboard")
    parser.add_argument("--range", default="10m", help="how far back, such as 90s, 10m, 6h (default: %(default)s)")
    parser.add_argument("--end", type=float, help="end of the range in epoch seconds (default: now)")
    parser.add_argument("--scrape", default="15s", help="Prometheus' scrape interval (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
