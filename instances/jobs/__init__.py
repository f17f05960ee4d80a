"""The jobs that the agent does on instances, one file per kind. May import the queue and the engines."""
