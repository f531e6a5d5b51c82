"""The batching engine: rows -> chunks -> sends, with bounded concurrency, retries and a record of every transition."""
