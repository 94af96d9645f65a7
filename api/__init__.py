"""Every face: HTTP routes, web pages (`api.web`), command line (`api.cli`). Nobody imports it."""
