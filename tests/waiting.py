"""Waiting for a state, as the package offers it to everybody's tests."""

from console.testing.waiting import wait_for

__all__ = ["wait_for"]
