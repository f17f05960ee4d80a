"""The actions on backups: one function per action, for pages and scheduler alike, one file per subject.

Services may import anything in backups except view code and jobs; from jobs they import only the parameters.
"""
