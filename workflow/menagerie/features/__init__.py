"""From networks and images to geometries: two images x images matrices for each layer, in bounded memory."""
