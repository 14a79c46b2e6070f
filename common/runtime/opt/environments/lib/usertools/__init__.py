"""What users call in the image: a conda on py-rattler, and the tools that make kernels of their own."""

VERSION = "1.0.0"
