"""What one change adds: a verdict held against an older one."""
