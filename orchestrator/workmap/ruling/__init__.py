"""Writing rules: as a sentence of labelled choices, with what they would have done in past cases."""
