"""Value sets: which one is meant, which codes it contains, and ValueSet $expand."""
