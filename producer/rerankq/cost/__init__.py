"""What jobs cost: tokens, counted before they are sent."""
