"""Reports that leave the pages: one figure with its data, as HTML and as PDF; nothing here knows Streamlit."""
