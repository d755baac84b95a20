"""The translation into Chinese keeps up with the pages, whose messages Sphinx finds."""

from pathlib import Path

from handbook import catalogues


def test_every_catalogue_is_complete_and_has_nothing_stale(tmp_path: Path) -> None:
    """Each message of a translated page is translated, with its code and links, and no other is."""
    names = catalogues.translated()
    assert {"index", "quickstart", "concepts", "client", "command-line", "production"} <= set(names)
    messages = catalogues.extracted(names, tmp_path)
    faults = [fault for name in names for fault in catalogues.faults(name, messages[name])]
    assert faults == [], "run make translations, and translate what is empty"
