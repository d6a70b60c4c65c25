"""ACME's support chat: answers from the help articles, a person where they do not suffice."""
