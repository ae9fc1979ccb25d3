"""The pages: a folder per area, a module per page with a function ``page``; an area declares its pages in ``PAGES``.

The folder is not named ``pages``: Streamlit would serve its files as pages of their own to the first visitor.
"""
