"""When automated backups run and expire, and what the agent does about it."""
