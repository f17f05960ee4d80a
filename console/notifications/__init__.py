"""Notifications: events, the channels that hear of them, the bell. Imports accounts, audit, lists, text and web."""
