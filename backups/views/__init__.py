"""The pages and dialogs of backups, one file per page. Imports services and models; knows nothing of jobs' work."""
