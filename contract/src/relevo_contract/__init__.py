"""What Relevo's parts agree on: the listing, the encoder, the decision record, the names."""
