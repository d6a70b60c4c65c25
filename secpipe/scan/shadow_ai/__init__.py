"""Find every AI call, by where it really goes."""
