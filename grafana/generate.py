"""Writes the dashboards: `python -m grafana.generate`. Their JSON is committed; a test keeps it the same as this."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.providers import providers

FOLDER = Path(__file__).parent / "dashboards"


def documents() -> dict[str, str]:
    """Return each dashboard's JSON by its file name."""
    made = {"providers.json": providers().build()}
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {name: encoder.encode(dashboard) + "\n" for name, dashboard in made.items()}


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{FOLDER / name}: {len(json.loads(text)['panels'])} panels and rows")


if __name__ == "__main__":
    main()
