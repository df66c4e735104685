"""`python -m soundstage` is the command line."""

from soundstage.cli import main

if __name__ == "__main__":
    main()
