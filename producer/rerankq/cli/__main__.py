"""`python -m rerankq.cli`: the command line, run by this interpreter."""

from rerankq.cli.entry import main

if __name__ == "__main__":
    main()
