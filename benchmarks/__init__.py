"""Benchmarks beside the real peers: ``python -m benchmarks`` lists them."""
