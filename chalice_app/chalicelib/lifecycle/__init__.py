"""How runs and jobs begin, and how they end when no worker ends them."""
