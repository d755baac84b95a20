"""Commands for operators: dead letters, the upstream, Flower, JSON Schemas."""
