"""What backups ask of Postgres: tables out and in as streams, what logs come to, scratch databases."""
