"""Commands as the tests of the command line run them."""

from tests.cli.conftest import bare_folder, empty_database_url, run, run_migrated

__all__ = ["bare_folder", "empty_database_url", "run", "run_migrated"]
