"""The pages and dialogs of backups, one file per page. Views import services and models, never jobs."""
