"""What the operator says about the application: what it does, its totals, its queries."""
