"""This package writes backups of the data folder, each one file, and verifies, lists, prunes and reads them."""
