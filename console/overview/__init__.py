"""The pages about everything: the front page with the guided start, an instance's home, the search.

May import every app.
"""
