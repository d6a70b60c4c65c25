"""`python -m secpipe`."""

from secpipe.cli.main import main

if __name__ == "__main__":
    main()
