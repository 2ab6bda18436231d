"""Values, protocols, errors and safe text: what every room speaks, standard library only."""
