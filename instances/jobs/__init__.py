"""How the agent does the jobs on instances, one file per kind."""
