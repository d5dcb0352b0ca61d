"""Run the command line: `python -m installer`."""

from installer.cli.app import main

if __name__ == "__main__":
    main()
