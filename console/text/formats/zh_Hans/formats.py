"""Where the console differs from Django, which writes no separators: counts and bytes are long here."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
