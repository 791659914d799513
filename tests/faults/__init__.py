"""Faults on purpose: damaged files, mad settings, kills, full disks and no network, and what the package makes of them.

Every case follows from a seed. After each there must be a clear sentence or a right result: see `judged`.
"""
