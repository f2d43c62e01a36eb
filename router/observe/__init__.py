"""Metrics, spans and logs, all written from the values that the engine emits."""
