"""RAW, CLEAN and the bucket: the files that talk to PostgreSQL and S3."""
