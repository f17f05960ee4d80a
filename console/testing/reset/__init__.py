"""The steps of `manage.py reset`, one file per app."""
