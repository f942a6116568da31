"""The command ``python -m terminology``: the same as ``terminology``."""

from terminology.cli.commands import main

if __name__ == "__main__":
    main(prog_name="python -m terminology")
