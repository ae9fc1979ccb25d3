"""Figures drawn from frames, a module per subject; nothing here knows Streamlit."""
