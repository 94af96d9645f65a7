"""What a round is: words, messages, rules and errors. No I/O, clock or chance."""
