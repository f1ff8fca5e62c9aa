pg_database = "stage"
