"""An organisation's pages for its members, a module for each; all go through `analytics.page`."""
