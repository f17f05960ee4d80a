"""Re-export console.testing.waiting.wait_for() for the tests."""

from console.testing.waiting import wait_for

__all__ = ["wait_for"]
