"""The picture of the pipeline: what moves from deliveries to destinations, and what stands."""
