"""SecantusDB on WiredTiger: one server process per instance, with its files in the instance's home.

Only launcher.py imports SecantusDB. It runs as a process of its own.
"""
