"""Sources for the tests to read: they are no modules of ours and are never imported."""

collect_ignore_glob = ["benign/*", "malicious/*", "worlds/*", "notebooks/*"]
