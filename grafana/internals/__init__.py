"""The dashboard "Router internals": utilisation, saturation and errors of each resource."""

from grafana_foundation_sdk.builders import dashboard as builders

from grafana.board import board
from grafana.internals.configuration import configuration
from grafana.internals.door import door
from grafana.internals.loop import loop
from grafana.internals.mirror import mirror
from grafana.internals.places import places
from grafana.internals.recording import recording
from grafana.internals.store import store
from grafana.internals.upstreams import upstreams


def internals() -> builders.Dashboard:
    rows = (
        ("Process and event loop", loop()),
        ("Store", store()),
        ("Mirror", mirror()),
        ("Places for jobs", places()),
        ("Exchanges with upstreams", upstreams()),
        ("Front door", door()),
        ("What the router runs", configuration()),
        ("What is recorded", recording()),
    )
    return board("internals", rows)
