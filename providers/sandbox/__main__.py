"""`python -m providers.sandbox`."""

import typer

from providers.sandbox.cli import sandbox

if __name__ == "__main__":
    typer.run(sandbox)
