"""Densities and richness against the R packages circular and vegan, where R is installed.

On Debian: apt-get install --no-install-recommends r-cran-circular r-cran-vegan
"""

import shutil
import subprocess

import numpy as np
import pytest

from trapline.server.insights.rules.accumulation import (
    SpeciesAccumulation,
    compute_accumulation,
)
from trapline.server.insights.rules.activity import (
    ActivityDensity,
    compute_bandwidth,
    fit_activity,
)

pytestmark = pytest.mark.skipif(
    shutil.which("Rscript") is None, reason="R is not installed (r-cran-circular, r-cran-vegan)"
)


def run_r(code: str, *packages: str) -> dict[str, list[float]]:
    """Run R code and return the numbers of each line of its output: a name, then numbers."""
    head = "".join(f"suppressMessages(library({one}));" for one in packages)
    show = 'show <- function(name, x) cat(name, sprintf("%.10f", x), "\\n");'
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", head + show + code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "there is no package called" in done.stderr:
        pytest.skip(f"R packages are missing: {', '.join(packages)}")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    return {name: [float(one) for one in numbers] for name, *numbers in lines}


def test_densities_are_those_of_circular() -> None:
    times = np.random.default_rng(11).vonmises(5.9, 2.0, 80) % (2 * np.pi)
    bandwidth = compute_bandwidth(times)
    text = ",".join(f"{one:.12f}" for one in times)
    expected = run_r(
        f"""x <- circular(c({text})); z <- circular((0:95) * 2 * pi / 96)
        d <- density.circular(x, z=z, bw={bandwidth:.12f}, kernel="vonmises"); show("density", d$y)
        kappa <- sapply(1:3, function(k) {{
          m <- Mod(mean(exp(1i * k * as.numeric(x))))
          f <- function(v) besselI(v, k, TRUE) / besselI(v, 0, TRUE) - m
          uniroot(f, c(1e-6, 345), tol=1e-10)$root }})
        v <- max(kappa); n <- length(x)
        show("bandwidth", (3 * n * v^2 * besselI(2 * v, 2, TRUE) /
          (4 * sqrt(pi) * besselI(v, 0, TRUE)^2))^0.4)""",
        "circular",
    )
    assert bandwidth == pytest.approx(expected["bandwidth"][0], rel=1e-4)
    fitted = fit_activity(times, grid=96)
    assert isinstance(fitted, ActivityDensity)
    assert fitted.density * 12 / np.pi == pytest.approx(np.array(expected["density"]), abs=1e-4)


def test_accumulation_is_that_of_vegan_on_barro_colorado_island() -> None:
    """`BCI` is a data set of vegan: 225 species of trees on 50 plots (Condit et al. 2002)."""
    expected = run_r(
        """data(BCI); s <- specaccum(BCI, "exact"); show("mean", s$richness)
        u <- specaccum(BCI, "exact", conditioned=FALSE, gamma="chao"); show("sd", u$sd)
        show("incidences", colSums(BCI > 0)); show("chao", specpool(BCI)$chao)""",
        "vegan",
    )
    incidences = np.array(expected["incidences"]).astype(int)
    curve = compute_accumulation(incidences, 50, 50.0)
    assert isinstance(curve, SpeciesAccumulation)
    assert curve.species == pytest.approx(np.array(expected["mean"]), rel=1e-9)
    # specpool has the form of Chao2 without bias correction.
    richness, share = curve.richness, 49 / 50
    unseen = share * richness.uniques**2 / (2 * richness.duplicates)
    assert richness.observed + unseen == pytest.approx(expected["chao"][0])
    assert richness.chao2 == pytest.approx(expected["chao"][0], rel=0.01)
    # The standard deviations differ only by the estimate of the number of species.
    pool = expected["chao"][0]
    ours = curve.standard_deviation**2 + curve.species**2 * (1 / richness.chao2 - 1 / pool)
    assert np.sqrt(ours) == pytest.approx(np.array(expected["sd"]), rel=1e-6)
