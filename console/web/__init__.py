"""What every page shares: htmx answers, dialogs' forms, middleware. Imports accounts, audit, lists and text."""
