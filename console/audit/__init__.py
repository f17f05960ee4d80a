"""Who did what: the record of audited actions and its page. Imports accounts for the roles."""
