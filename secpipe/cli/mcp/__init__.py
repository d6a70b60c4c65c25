"""`secpipe mcp`: the gate as tools of an assistant, read only."""
