"""Calls made by workers on other machines. The driver keeps plan, order, money, the store and each server's governor;
workers are stateless: they take blocks of requests, make each call once, and give back what came of it.

`messages` is what travels, `worker` the far end, `crew` the near end over any `Cluster`; `ray_cluster` is one of Ray's.
No secret travels: each worker reads the environment of its own node.
"""
