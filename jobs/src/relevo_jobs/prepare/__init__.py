"""prepare: make what the loop writes to, the bucket and the schemas of RAW and CLEAN."""
