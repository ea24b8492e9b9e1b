"""The commands, a file for each noun: what they print and what they ask the floors below to do."""
