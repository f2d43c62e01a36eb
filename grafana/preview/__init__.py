"""Pictures of the dashboards' data, drawn from Prometheus' own answers; not what Grafana makes of them."""
