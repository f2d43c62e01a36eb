"""Writes dashboards and rules: `python -m grafana.generate`. They are committed; tests keep them the same as this."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.cost import cost
from grafana.failures import failures
from grafana.internals import internals
from grafana.overview import overview
from grafana.providers import providers
from grafana.rules import rule_files

FOLDER = Path(__file__).parent / "dashboards"
RULES = Path(__file__).parent / "alerts"


def documents() -> dict[str, str]:
    """Return each dashboard's JSON by its file name."""
    boards = {
        "overview.json": overview(),
        "providers.json": providers(),
        "failures.json": failures(),
        "cost.json": cost(),
        "internals.json": internals(),
    }
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {name: encoder.encode(board.build()) + "\n" for name, board in boards.items()}


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
