"""`video-router serve`: the router itself."""

from pathlib import Path
from typing import Annotated

import typer

from router.app import Place, run
from router.commands.configured import configured
from router.commands.options import DATABASE, Database
from router.commands.terminal import stop
from router.config.problems import ConfigError
from router.engine.store import StoreUnavailableError, StoreVersionError
from router.observe.tracing import TracingError

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="YAML configuration.")]
Address = Annotated[str, typer.Option(help="Address to listen on; beyond loopback callers need keys.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
AdminAddress = Annotated[str, typer.Option(help="Address of health and metrics.")]
WatchS = Annotated[
    float,
    typer.Option(
        "--watch-s", min=0, max=3600, help="Seconds between two looks at the configuration and its key files; 0: none."
    ),
]


def serve(
    config: ConfigFile,
    host: Address = "127.0.0.1",
    port: Port = 8080,
    admin_host: AdminAddress = "127.0.0.1",
    admin_port: Port = 9091,
    db: Database = DATABASE,
    watch_s: WatchS = 2.0,
) -> None:
    """Run the router until SIGTERM or SIGINT; SIGHUP, or a change of the file, makes it read its configuration anew."""
    settings, place = configured(config), Place(host, port, admin_host, admin_port, db)
    try:
        place.require_callers(settings)
        run(settings, place, watch_s)
    except ConfigError as error:
        stop(str(error))
    except (OSError, StoreUnavailableError, StoreVersionError, TracingError) as error:
        stop(f"cannot start: {error}")
