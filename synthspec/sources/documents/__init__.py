"""Documents as rows: a file is read into blocks (`reader`, `kinds`), and the blocks are cut into chunks (`chunker`)."""
