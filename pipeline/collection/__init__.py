"""People's own pictures: cluster, estimate, predict, search, export, and the page to browse."""
