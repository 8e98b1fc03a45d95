"""Pages of the desk, cut by screen. Thin: what the person may see, one service call, a redirect or a page."""
