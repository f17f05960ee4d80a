"""The process tree of `up`, its locks, and the home with the console's files and keys."""
