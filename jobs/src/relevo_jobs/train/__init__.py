"""train: fit a challenger on CLEAN and register it."""
