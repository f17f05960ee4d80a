"""SecantusDB on WiredTiger: one server process per instance, with its files in the instance's home.

Only launcher/ imports SecantusDB, and it runs as a process of its own. May import console and instances.engines.base.
"""
