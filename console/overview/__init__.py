"""The front page and its charts. May import every app."""
