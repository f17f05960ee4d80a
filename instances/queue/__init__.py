"""Leases on job rows, the agent's loop and the supervisor of the database servers. Imports no kind of job."""
