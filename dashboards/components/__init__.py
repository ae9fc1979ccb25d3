"""What pages are made of: filters, tables, maps, guarded actions, help."""
