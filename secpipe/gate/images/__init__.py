"""Container images and artifacts as projects: read from a layout, an archive or a registry, and judged as a folder."""
