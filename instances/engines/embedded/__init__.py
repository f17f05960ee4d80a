"""SecantusDB on WiredTiger: one server process per instance, with its files in the instance's home.

Only launcher/, which runs as a separate process, imports SecantusDB. May import console and instances.engines.base.
"""
