"""Separators in Chinese numbers: Django has none, but the console's counts and byte sizes are long."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
