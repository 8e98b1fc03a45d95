"""Pages of approvals, cut by what a person does there. Thin: load what the person may see, one service call, a page."""
