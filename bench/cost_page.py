"""The computed tables of `docs/costs.md`: a thousand runs, a thousand jobs, and what one hostile user costs."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.runtime.owner_limits import OwnerLimits

from bench.costs import costs_of_hostile_user, model_of, own_units_of_job, units_of_job, units_of_run
from bench.samples import sample_job, sample_run
from bench.tables import table
from bench.units import Units


def cost_tables() -> Mapping[str, str]:
    """Return the tables by the names of their markers."""
    job = sample_job()
    own = own_units_of_job(job)
    return {
        "run": table(("service", "one run uses", "1,000 runs"), _services(units_of_run(sample_run()))),
        "job": table(
            ("service", "one job uses", "1,000 jobs", "beside their runs"),
            [
                [*row, beside]
                for row, beside in zip(_services(units_of_job(job)), _beside(units_of_job(job), own), strict=True)
            ],
        ),
        "hostile": table(
            ("what", "how much", "US dollars"),
            [(what, much, f"{price:,.2f}") for what, much, price in costs_of_hostile_user(OwnerLimits())],
        ),
    }


def _services(units: Units) -> list[list[str]]:
    tokens_in, tokens_out, model = model_of(units)
    return [
        *([service, what, _for_thousand(price)] for service, what, price in units.lines()),
        ["**total without the model**", "", f"**{_for_thousand(units.dollars())}**"],
        ["**the model**, Claude Sonnet 4.6", f"{tokens_in:,} tokens in, {tokens_out:,} out", _for_thousand(model)],
    ]


def _beside(units: Units, own: Units) -> list[str]:
    """Return the column of what a job uses beside its runs, in the order of `_services`."""
    prices = {service: price for service, _, price in own.lines()}
    services = [_for_thousand(prices.get(service, 0)) for service, *_ in units.lines()]
    return [*services, f"**{_for_thousand(own.dollars())}**", _for_thousand(model_of(own)[2])]


def _for_thousand(price: float) -> str:
    return f"${float(f'{1000 * price:.3g}'):,.5g}"
