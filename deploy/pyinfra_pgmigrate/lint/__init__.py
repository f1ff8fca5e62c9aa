"""What a migration does to an application in use: rules, judged from what its statements were recorded to do."""
