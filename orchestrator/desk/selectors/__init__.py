"""One function per screen or list of the desk, with its prefetching; cut by screen."""
