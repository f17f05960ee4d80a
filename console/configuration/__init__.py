"""The Settings page: the environment, the storage and its test, hosts and versions. It may import every app."""
