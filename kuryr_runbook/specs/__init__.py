"""What is wanted, purely from a site: OpenStack resources, kuryr.conf, Kubernetes manifests."""
