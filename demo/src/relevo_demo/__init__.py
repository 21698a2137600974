"""Everything of Relevo on one laptop: embedded servers, the data source, the whole loop."""
