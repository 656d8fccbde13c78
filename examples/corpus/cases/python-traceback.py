"""Ends with an exception that nobody catches: status 1 and a traceback on stderr."""


def outer(n):
    return inner(n - 1)


def inner(n):
    return {}["missing"] if n == 0 else outer(n)


print("before")
outer(3)
