"""The audit: the decorator of audited actions, their events and the audit page. Imports accounts for the roles."""
