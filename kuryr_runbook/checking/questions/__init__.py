"""The checks of cloud and cluster, one module for each subject."""
