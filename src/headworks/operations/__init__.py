"""What routes that call no model run: pages, health, administration, and what vendors' clients ask beside calls."""
