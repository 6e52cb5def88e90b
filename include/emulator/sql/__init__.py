"""The grammar of Data Exports' SQL: its words, its conditions, and how they are written for DuckDB."""
