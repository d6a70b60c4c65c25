"""The verdict where a cluster asks: answers out of memory, of verdicts that were verified before anybody asked."""
