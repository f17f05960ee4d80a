"""Backups, their policies and restorations. May import instances and console."""
