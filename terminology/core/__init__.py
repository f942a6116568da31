"""What every layer uses: the model, errors, messages, languages, versions and texts. No input or output."""
