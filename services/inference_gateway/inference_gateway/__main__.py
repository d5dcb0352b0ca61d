"""`python -m inference_gateway` is the command itself."""

from inference_gateway.cli import main

if __name__ == "__main__":
    main()
