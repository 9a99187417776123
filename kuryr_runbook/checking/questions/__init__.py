"""What is asked of cloud and cluster, a module for each subject."""
