"""For whoever runs the service: dead letters, the upstream, Flower, JSON Schemas."""
