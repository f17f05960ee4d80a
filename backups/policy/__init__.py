"""When automated backups run and expire (schedule.py, clock.py), and what the agent does about it (automation.py)."""
