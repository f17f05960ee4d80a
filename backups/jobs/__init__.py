"""The agent's jobs on backups, one file per kind. They may import the archive, the storage and instances."""
