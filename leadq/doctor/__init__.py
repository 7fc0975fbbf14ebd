"""`leadq doctor`: looks at everything that a home needs, changes nothing, and says what to do."""
