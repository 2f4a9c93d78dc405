"""`python -m habitue` is the command line."""

from habitue.cli import main

if __name__ == "__main__":
    main()
