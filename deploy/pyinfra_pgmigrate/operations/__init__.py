"""Operations: each declares a state of a database and yields what brings it about."""
