"""clean: derive typed rows from RAW, with a reason for each row left out."""
