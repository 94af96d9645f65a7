"""The demo: a whole round on real data, acted by simulated people who know nothing but the API."""
