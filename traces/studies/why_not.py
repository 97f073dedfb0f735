"""Why nothing is predicted of a side, by code: words alone, which whoever shows tables needs without any study."""

#: Why a side is not predicted, by code.
WHY_NOT = {
    "not-declared": "what it launches is not declared",
    "path-not-modelled": "no cost is measured of the way it launches",
    "no-cost": "the probe has no cost of the way it launches: it could not be timed there",
    "not-linear": "the costs of the way it launches lie on no line",
    "other-launches": "other launches were recorded of it than are declared",
}
