"""Notifications: events, the channels that receive them, the bell. Imports accounts, audit, lists, text and web."""
