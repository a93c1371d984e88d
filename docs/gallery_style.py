"""The look of the figures in the vignettes."""

from pathlib import Path

import matplotlib

STYLE = Path(__file__).with_name("sparsestat.mplstyle")


def reset(gallery_conf, fname):
    """Set the style before each vignette (called by sphinx-gallery)."""
    matplotlib.rc_file(STYLE, use_default_template=False)
