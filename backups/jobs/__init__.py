"""How the agent does the jobs on backups, one file per kind."""
