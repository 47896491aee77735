"""Compares the demonstration's wake model with PyWake's: Horns Rev 1's energy in a year, by the same wake constants.

PyWake is large, so it has its own virtual environment: run this by `make compare-pywake`. PyWake takes every
degree of the compass and its own approximation of the induction from the thrust; our model takes every fifth degree
and the momentum theory's, as Jensen did. It fails when the two differ by more than 2 %.
"""

import sys
import time
from importlib.metadata import version

from chalicelib.agents.demo.simulation_tools.wake import annual_energy
from chalicelib.agents.demo.wind.data import horns_rev_1_layout, horns_rev_1_wind, vestas_v80
from py_wake.deficit_models.noj import NOJ
from py_wake.examples.data.hornsrev1 import V80, Hornsrev1Site

WAKE_CONSTANTS = (0.04, 0.05, 0.075, 0.1)
MOST_PERCENT = 2.0


def main() -> int:
    """Print the table; return 1 if the two differ by too much."""
    site = Hornsrev1Site()
    east, north = site.initial_position.T
    print(f"Horns Rev 1, 80 V80, GWh in a year; PyWake {version('py_wake')}")
    print("wake constant  PyWake gross  ours    PyWake net  ours    difference  ours took")
    worst_percent = 0.0
    for wake_constant in WAKE_CONSTANTS:
        simulated = NOJ(site, V80(), k=wake_constant)(east, north)
        gross, net = float(simulated.aep(with_wake_loss=False).sum()), float(simulated.aep().sum())
        began = time.perf_counter()
        ours = annual_energy(horns_rev_1_layout(), vestas_v80(), horns_rev_1_wind(), wake_constant=wake_constant)
        seconds = time.perf_counter() - began
        percent = 100 * (ours.net_gigawatt_hours / net - 1)
        worst_percent = max(worst_percent, abs(percent), abs(100 * (ours.gross_gigawatt_hours / gross - 1)))
        print(
            f"{wake_constant:<13}  {gross:<12.3f}  {ours.gross_gigawatt_hours:<7.2f} {net:<10.3f}  "
            f"{ours.net_gigawatt_hours:<7.2f} {percent:+.2f} %     {seconds:.2f} s"
        )
    return int(worst_percent > MOST_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
