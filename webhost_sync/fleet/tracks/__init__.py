"""What a vehicle's fixes come to: a line, trips, stops, silences, and the figures of days. Pure."""
