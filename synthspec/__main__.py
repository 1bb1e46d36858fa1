"""`python -m synthspec` is the `synthspec` command."""

from synthspec.cli import main

if __name__ == "__main__":
    main()
