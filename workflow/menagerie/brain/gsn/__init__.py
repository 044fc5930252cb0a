"""GSN: generative modelling of signal and noise (Kay et al. 2025, doi 10.1371/journal.pcbi.1012092).

Responses are modelled as signal + noise, both multivariate Gaussian over units. :mod:`menagerie.brain.ceilings`
is the entry; :mod:`menagerie.brain.gsn.reference` does the same in plain numpy, for comparison.
"""
