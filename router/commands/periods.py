"""How long ago something is to begin, as people write it."""

import re
from typing import Annotated, Final

import typer

_PERIOD: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def period_s(text: str) -> float:
    """Read `90s`, `30m`, `12h` or `7d`; typer.BadParameter on anything else."""
    found = _PERIOD.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter(f"{text[:32]!r} is no period; write 90s, 30m, 12h or 7d")
    return float(int(found[1]) * _SECONDS[found[2]])


Since = Annotated[
    float | None,
    typer.Option("--since", metavar="PERIOD", parser=period_s, help="Only jobs of so long ago or less: 30m, 12h, 7d."),
]
