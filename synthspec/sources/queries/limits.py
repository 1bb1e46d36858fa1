"""What a query may use."""

MEMORY = 2 << 30  # bytes of its process
SECONDS = 60.0  # of wall time
MOST_BYTES = 1 << 30  # of rows, as a Parquet file
