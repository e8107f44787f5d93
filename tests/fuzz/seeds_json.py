def corpora(tests): return {}
