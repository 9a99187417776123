"""Container engines and registries, and the image of Kuryr in them."""
