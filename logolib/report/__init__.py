"""Every figure, table and sentence of the book, the notebooks and the commands, made from results."""
