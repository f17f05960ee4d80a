"""User accounts: sign-in, passwords, sessions and roles. Imports text, audit and web."""
