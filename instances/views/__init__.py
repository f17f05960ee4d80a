"""The pages and dialogs of instances, one file per page. Imports services and models; knows nothing of jobs' work."""
