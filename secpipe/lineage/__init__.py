"""How an asset was derived: records of it, what generators wrote, and proof of it in the bytes."""
