"""What to do about each reason of a verdict, as a command or as one sentence for a person."""
