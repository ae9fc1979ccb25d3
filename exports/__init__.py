"""Tables to file bytes: the formats that billing reads. Pure: rows, a format and facts in, bytes out."""
