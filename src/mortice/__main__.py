"""`python -m mortice` is the `mortice` command."""

from mortice.cli import main

if __name__ == "__main__":
    main()
