"""Agents: what an assistant or agent in the project may do, item by item; nothing is started, fetched or evaluated."""
