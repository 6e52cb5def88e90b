"""The data files of a delivery: a query's result, streamed into chunks of Parquet or CSV."""
