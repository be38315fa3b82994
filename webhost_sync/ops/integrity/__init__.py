"""Whether what is stored is whole: `webhost-sync check`."""
