"""How `manage.py reset` empties the console, one file per app."""
