"""Content: files in (packages, releases, tables), bundles out."""
