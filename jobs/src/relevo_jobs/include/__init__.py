"""include: take back batches that decide left out."""
