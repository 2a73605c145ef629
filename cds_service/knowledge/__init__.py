"""`hooks/` as objects: read strictly, built once at start, immutable after."""
