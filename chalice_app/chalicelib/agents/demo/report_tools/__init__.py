"""What the report agent can do: put the findings of other agents into one Markdown report."""
