"""The schedule of automated backups (schedule.py, clock.py), and the agent's part in it (automation.py)."""
