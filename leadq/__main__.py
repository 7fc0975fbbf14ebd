"""`python -m leadq`."""

from leadq.cli import main

if __name__ == "__main__":
    main()
