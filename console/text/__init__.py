"""Rules for user input, and the formats of messages, times and sizes. Imports no other package of the console."""
