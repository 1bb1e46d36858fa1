"""The `prompts` section: one file a construct, put together in `lowering`."""
