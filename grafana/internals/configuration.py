"""The row "What the router runs": its version and its configuration."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text, figure
from grafana.promql import RANGE, ROUTER, about_target
from grafana.tables import Column, columns
from router.observe import families as f


def configuration() -> list[AnyPanel]:
    """Build the row's panels."""
    return [_versions(), *_reloads()]


def _versions() -> AnyPanel:
    return columns(
        Text(
            "Versions and configurations",
            "Each router's version, the start of the SHA-256 of the configuration it runs, and how long it has run it."
            " Replicas that differ for longer than a reload takes want a look.",
            "No router is scraped.",
        ),
        {"instance": "Instance", "version": "Version", "digest": "Configuration"},
        [
            Column(
                "In force for",
                f"(time() - {ROUTER.most(f.CONFIG_LOADED, 'instance')})"
                f" * on (instance) group_left (version) {ROUTER.most(f.BUILD_INFO, 'instance, version')}"
                f" * on (instance) group_left (digest) {ROUTER.most(f.CONFIG_INFO, 'instance, digest')}",
                units.Seconds,
            )
        ],
        sort_by="Instance",
        ascending=True,
        width=12,
    )


def _reloads() -> list[AnyPanel]:
    return [
        figure(
            Text(
                "Last reload",
                "Refused: the last good configuration stays in force, and the log says why.",
                "No router is scraped.",
            ),
            {"{{instance}}": f"min by (instance) ({ROUTER.selector(f.CONFIG_SUCCESSFUL)})"},
            units.Short,
            decimals=0,
            width=4,
            height=8,
            words={"1": ("taken over", "green"), "0": ("refused", "red")},
        ),
        figure(
            Text(
                "Reloads in this range",
                "By result. A start is counted too, where Prometheus saw the router before it.",
                "No router is scraped.",
            ),
            {"{{result}}": ROUTER.increase(f.CONFIG_RELOADS, "result", window=RANGE)},
            units.Short,
            decimals=0,
            width=4,
            height=8,
        ),
        figure(
            Text(
                "Running for",
                "Since the start of each process. Minutes, when nobody restarted it, is a crash.",
                "No router is scraped.",
            ),
            {"{{instance}}": f"time() - max by (instance) ({about_target('process_start_time_seconds')})"},
            units.Seconds,
            decimals=0,
            width=4,
            height=8,
        ),
    ]
