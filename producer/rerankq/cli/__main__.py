"""`python -m rerankq.cli`: the command line of this very interpreter."""

from rerankq.cli.entry import main

if __name__ == "__main__":
    main()
