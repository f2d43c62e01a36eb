"""Writes dashboards and rules: `python -m grafana.generate`. They are committed; tests keep them the same as this."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.providers import providers
from grafana.rules import rule_files

FOLDER = Path(__file__).parent / "dashboards"
RULES = Path(__file__).parent / "alerts"


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
    RULES.mkdir(exist_ok=True)
    for name, text in rule_files().items():
        (RULES / name).write_text(text, encoding="utf-8")
        print(RULES / name)


if __name__ == "__main__":
    main()
