"""Job rows with leases, the agent's loop and the supervisor of the database servers. It imports no kind of job."""
