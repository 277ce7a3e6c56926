"""What must not bring the server down, or lose anything: kills, garbage, hostile uploads, many clients."""
