"""What a round is: words, messages, rules and errors. Standard library only; no I/O, clock or chance."""
