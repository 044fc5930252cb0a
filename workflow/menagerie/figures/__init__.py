"""From tables to figures. Modules called ``*_table`` hold what is drawn; no networks, no responses."""
