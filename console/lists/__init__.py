"""Search, filters, sorting, pages and CSV, the same for every list. keys.py is all that models import."""
