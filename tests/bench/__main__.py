"""`python -m tests.bench`: measure, print a table, write JSON."""

from tests.bench.commands import main

main()
