"""The rows and files that `manage.py seed` makes, one file per app."""
