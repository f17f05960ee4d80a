"""Existing MongoDB deployments, reached by a connection string.

May import base.py, choices.py and console.text; nothing here knows the console's rows or archives.
"""
