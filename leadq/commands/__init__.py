"""One file a command or noun: it parses, makes one call into the library, and hands the result to the output."""
