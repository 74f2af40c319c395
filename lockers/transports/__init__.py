"""How envelopes travel: one port, several ways. No Django here; MQTT is imported nowhere else."""
