"""What a database must show to count as whole."""
