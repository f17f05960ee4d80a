"""How the agent does the jobs on backups, one file per kind. It may import the archive, the storage and instances."""
