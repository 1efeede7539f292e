"""Options and arguments that several commands have, and what commands make of them."""
