"""Rules for what people type, and how messages, times and sizes are written. Imports no other room."""
