"""Why it was decided so, and the least that would have to change: the decision asked again on other evidence."""
