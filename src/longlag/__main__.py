"""`python -m longlag` is the same as `longlag`."""

from longlag.cli.app import main

if __name__ == "__main__":
    main()
