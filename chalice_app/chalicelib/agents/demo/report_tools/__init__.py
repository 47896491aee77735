"""The report agent's tool: compiling the findings of other agents into one Markdown report."""
