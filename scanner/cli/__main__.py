"""`python -m scanner.cli` is the command `clearance`."""

from scanner.cli import main

main()
