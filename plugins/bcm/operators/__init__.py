"""Tasks that create, change and delete exports, bill scenarios and bill estimates."""
