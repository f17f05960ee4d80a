"""Shared by all pages: htmx answers, dialogs, confirmations, middleware. Imports accounts, audit, lists and text."""
