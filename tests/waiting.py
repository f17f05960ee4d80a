"""wait_for() of the package, re-exported for all tests."""

from console.testing.waiting import wait_for

__all__ = ["wait_for"]
