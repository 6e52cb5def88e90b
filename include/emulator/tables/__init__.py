"""The tables that exports can query: what their columns are, and how each is a view of the organisation's bill."""
