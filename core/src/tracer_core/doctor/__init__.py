"""What a machine offers, check by check, with the fix where something is not as it should be."""
