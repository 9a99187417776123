"""What a site wants, computed from the site: OpenStack resources, kuryr.conf, manifests."""
