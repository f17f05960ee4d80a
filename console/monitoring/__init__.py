"""What a monitoring system reads: /readyz and /metrics. Like the overview it may import every app."""
