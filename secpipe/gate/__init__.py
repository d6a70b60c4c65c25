"""Policy, waivers, rules, the pure decision, and the one conductor."""
