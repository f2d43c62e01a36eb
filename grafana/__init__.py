"""Dashboards, rules and a preview of both, over the router's own catalogue of metrics."""
