"""How the documentation is built: `make docs`."""

project = "Clearance"
author = "The Clearance project"
html_show_copyright = False  # the licence says whose it is
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["schemas"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Look, judge, certify",
    "fixed_sidebar": True,
    "show_powered_by": False,
    "page_width": "1280px",
    "body_max_width": "none",
}
html_show_sourcelink = False
myst_heading_anchors = 3
suppress_warnings = [
    "myst.xref_missing",
    "misc.highlighting_failure",
]  # links to files of the repository that are no pages; a test follows every link
