"""The compilation of the rows of a release into the tables of an artifact."""
