"""`leadq demo`: the whole story in a temporary home, with a mail server of its own."""
