"""What a folder of results says: a page, tables in Markdown and csv, and a line a run for whoever collects them."""
