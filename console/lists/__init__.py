"""Search, filters, sorting, pages and CSV, the same for every list. Models import keys.py and nothing else of it."""
