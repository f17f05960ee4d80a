"""What monitoring systems read: /readyz and /metrics. May import every app."""
