"""``/metrics`` for Prometheus: what there is (``catalogue``), and how it is read at a scrape."""
