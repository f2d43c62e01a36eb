"""Options that several commands take, and what they are unless they are given."""

from pathlib import Path
from typing import Annotated, Final

import typer

DATABASE: Final = Path("video-router.db")

Database = Annotated[Path, typer.Option(metavar="PATH", help="SQLite file of the router, made and migrated by serve.")]
Admin = Annotated[str, typer.Option(metavar="URL", help="Admin address of the router.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print all of it as JSON, money in micro-USD.")]
