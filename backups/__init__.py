"""Backups, their policies and restorations. Imports instances and console."""
