"""How the agent does the jobs on instances, one file per kind. It may import the queue and the engines."""
