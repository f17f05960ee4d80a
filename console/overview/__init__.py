"""The front page and its charts. It may import every app."""
