"""Tables to file bytes: the formats billing reads. The formats follow; the layer and its place stand."""
