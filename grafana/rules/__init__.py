"""Recording and alerting rules for Prometheus, over the router's own catalogue of metrics."""

from grafana.rules.files import rule_files

__all__ = ["rule_files"]
