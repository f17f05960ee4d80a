"""The storage of archives: the common interface, the folder, and the S3 bucket. It imports only console."""
