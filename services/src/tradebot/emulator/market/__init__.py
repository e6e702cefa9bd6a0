"""Where prices come from: recorded or generated bars, and the flow of orders around them."""
