"""How a part of rerankq is installed that is an extra of its package."""


def install(extra: str) -> str:
    """The command that installs an extra, for a message.

    rerankq is in no package index, and a package of this name in one would be somebody else's. So
    it is installed from a checkout.
    """
    return f'pip install ".[{extra}]" in a checkout of rerankq'
