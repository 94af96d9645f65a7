"""The processes: settings, telemetry, worker entry points, the local stack."""
