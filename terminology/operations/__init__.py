"""What can be asked. Each operation is a pure function of a catalogue and a request."""
