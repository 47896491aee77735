"""What every Lambda needs: settings, AWS clients, logs, metrics, traces."""
