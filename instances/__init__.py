"""Instances and their hosts. May import console, but not backups."""
