"""Endpoints for monitoring systems: /readyz and /metrics. May import every app."""
