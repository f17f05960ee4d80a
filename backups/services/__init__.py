"""What people do to backups: one function per action, for pages and scheduler alike, one file per subject.

It may import everything in backups but how jobs are done, of which it knows only the parameters, and no view code.
"""
