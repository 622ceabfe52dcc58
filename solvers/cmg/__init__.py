"""Classical algorithms for CMG."""
