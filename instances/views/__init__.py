"""The pages and dialogs of instances, one file per page. Imports services and models, but not how jobs are done."""
