"""What touches the live kernel: finding BCC, probing features, loading, attaching."""
