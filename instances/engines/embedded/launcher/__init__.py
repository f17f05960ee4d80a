"""The database server of one instance: SecantusDB on the WiredTiger files in HOME/data, as a separate process.

    PYTHONPATH=instances/engines/embedded python -P -m launcher --home HOME --port N --parent-pid PID ...

This is the only package that imports SecantusDB (the package `secantus`, licensed under the GPL 2.0) and `wiredtiger`.
It imports nothing else from the console, and nothing imports it.
"""
