"""This package measures what Entra's work costs here: ratios within one run. No test looks at a duration."""
