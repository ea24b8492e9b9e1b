"""This package runs scheduled jobs: job_list.py declares them, scheduler.py runs each when it is due."""
