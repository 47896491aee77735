"""Writes the demonstration's data of the wind farm Horns Rev 1 and its turbines, as PyWake carries them.

Facts only: positions, the wind climate, and the turbine's curves. Run by `make pywake-data`.
"""

import json
from importlib.metadata import version
from pathlib import Path

from py_wake.examples.data.hornsrev1 import V80, Hornsrev1Site, ct_curve, power_curve, wt_x, wt_y

DATA = Path(__file__).parents[2] / "chalice_app" / "chalicelib" / "agents" / "demo" / "data"
SOURCE = f"PyWake {version('py_wake')} (DTU, MIT licence), py_wake/examples/data/hornsrev1.py"


def main() -> None:
    """Write the two files."""
    climate = Hornsrev1Site().ds
    west, south = min(wt_x), min(wt_y)
    horns_rev_1 = {
        "name": "Horns Rev 1, North Sea",
        "source": f"{SOURCE}: wt_x, wt_y, Hornsrev1Site",
        "positionsMetres": [[x - west, y - south] for x, y in zip(wt_x, wt_y, strict=True)],
        "positionsFrom": f"Metres east and north of {west}, {south} in UTM zone 32N.",
        # The source's own frequencies add up to 100 % but for rounding; PyWake divides by their sum, and so do we.
        "sectors": [
            {
                "directionDegrees": 30 * sector,
                "frequency": round(float(climate.Sector_frequency[sector]), 8),
                "weibullScaleMetresPerSecond": float(climate.Weibull_A[sector]),
                "weibullShape": float(climate.Weibull_k[sector]),
            }
            for sector in range(12)
        ],
    }
    turbine = V80()
    vestas_v80 = {
        "name": "Vestas V80-2.0",
        "source": f"{SOURCE}: V80, power_curve, ct_curve",
        "diameterMetres": float(turbine.diameter()),
        "hubHeightMetres": float(turbine.hub_height()),
        "ratedMegawatts": float(max(power_curve[:, 1])) / 1e6,
        "windSpeedsMetresPerSecond": power_curve[:, 0].tolist(),
        "powerKilowatts": [round(watts / 1000, 1) for watts in power_curve[:, 1].tolist()],
        "thrustCoefficients": ct_curve[:, 1].tolist(),
    }
    for name, about in {"horns_rev_1": horns_rev_1, "vestas_v80": vestas_v80}.items():
        lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in about.items())
        (DATA / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
