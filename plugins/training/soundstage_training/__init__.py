"""The models of the works behind Soundstage: trained here on one's own data, then separators like any other."""
