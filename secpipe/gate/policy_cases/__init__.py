"""Tests of a policy: cases beside it, run against the pure decision."""
