"""CodeSystem $validate-code and ValueSet $validate-code."""
