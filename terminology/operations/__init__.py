"""Operations of a terminology service: each a pure function of a catalogue and a request."""
