"""Programs that run inside build steps. They are files to be mounted, not modules to be imported."""
