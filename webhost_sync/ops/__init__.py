"""Looking after a running installation: maintenance mode, the doctor, and the integrity of what is stored."""
