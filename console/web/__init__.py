"""What every page shares: htmx answers, dialogs, confirmations, middleware. Imports accounts, audit, lists and text."""
