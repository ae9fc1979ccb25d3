"""One module per page, each with a function ``page``.

The folder is not named ``pages``: Streamlit would serve its files as pages of their own to the first visitor.
"""
