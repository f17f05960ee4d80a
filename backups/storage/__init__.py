"""Where archives are kept: what is asked of a storage, the folder, and the bucket of S3. It imports only console."""
