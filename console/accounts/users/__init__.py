"""The Users page and its dialogs, with which administrators manage the accounts of all users."""
