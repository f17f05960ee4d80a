"""Instances and their hosts. Imports console, and nothing of backups."""
