"""Search, filters, sorting, pages and CSV, the same for every list. Models import only keys.py."""
