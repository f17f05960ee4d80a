"""The forms of the dialogs on backups, one file per dialog."""
