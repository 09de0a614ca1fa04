"""The benchmarks measure what they say; nothing here is timed."""
