"""The gates, a file for each family; ``monitor.why.chain`` puts them in their order."""
