"""Places in processes: what ELF files, USDT notes and ``/proc`` say of them."""
