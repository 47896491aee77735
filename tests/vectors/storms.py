"""Writes `merge.json`: what arrives of one record, in any order, and what a merge must return after each arrival.

The vectors are for clients in other languages. They are drawn from seeds, so that the same command gives the same file:
`python -m tests.vectors.storms`.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from runcast.client.live_text import LiveText
from runcast.client.merge import Merge
from runcast.client.step import Progress, WatchedStep
from runcast.record.model import RunStatus

FILE = Path(__file__).with_name("merge.json")
STORMS = 150
NO_RECORD_SEQ = 1_000
TEXT = "wörd 🏝 and 🇨🇭, further words"


def vectors() -> dict[str, Any]:
    """Return the cases: of the merge of steps, and of the join of text."""
    return {"merge": [_storm(seed) for seed in range(STORMS)], "text": [_texts(seed) for seed in range(30)]}


def main() -> None:
    """Write the file."""
    cases = {name: ",\n".join(json.dumps(case) for case in of) for name, of in vectors().items()}
    FILE.write_text("{" + ",\n".join(f'"{name}": [\n{text}\n]' for name, text in cases.items()) + "}\n")


def _step(seq: int | None) -> WatchedStep:
    return WatchedStep(seq=seq, status="thinking", message="", elapsed_seconds=0.0, timestamp_ms=0)


def _storm(seed: int) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    total, recorded, merge = dice.randint(1, 12), 0, Merge()
    arrivals = []
    for _ in range(dice.randint(5, 30)):
        recorded = min(total, recorded + dice.choice([0, 0, 1, 1, 3]))
        arrival = _arrival(dice, recorded, ended=recorded == total)
        ready = _take(merge, arrival)
        state = {"ready": [step.seq for step in ready], "missing": merge.missing, "complete": merge.complete}
        arrivals.append(arrival | state)
    return arrivals


def _arrival(dice: random.Random, recorded: int, *, ended: bool) -> dict[str, Any]:
    kind = dice.choice(["live", "live", "live", "asked", "answer", "answer", "told", "notice", "invented"])
    if kind == "live" and recorded:
        return {"live": dice.randint(1, recorded)}
    if kind == "answer":
        first, last = sorted((dice.randint(0, recorded), dice.choice([recorded, dice.randint(0, recorded)])))
        whole = last == recorded
        return {"answer": {"afterSeq": first, "lastSeq": last, "whole": whole, "ended": ended}}
    if kind == "told":
        last = dice.randint(0, recorded)
        return {"told": {"lastSeq": last, "ended": ended and last == recorded}}
    if kind == "invented" and dice.random() < 0.3:
        return {"live": NO_RECORD_SEQ}
    return {"live": None} if kind == "notice" else {"asked": True}


def _take(merge: Merge, arrival: dict[str, Any]) -> list[WatchedStep]:
    if "live" in arrival:
        return merge.add_live(_step(arrival["live"]))
    if "told" in arrival:
        merge.told(arrival["told"]["lastSeq"], ended=arrival["told"]["ended"])
    elif "answer" in arrival:
        return merge.add_recorded(_progress(**arrival["answer"]))
    else:
        merge.asked()
    return []


def _progress(afterSeq: int, lastSeq: int, *, whole: bool, ended: bool) -> Progress:  # noqa: N803 - the JSON's names
    return Progress(
        after_seq=afterSeq,
        steps=tuple(_step(seq) for seq in range(afterSeq + 1, lastSeq + 1)),
        whole=whole,
        status=RunStatus.COMPLETE if ended else RunStatus.IN_PROGRESS,
        liveness="live",
        created_at_ms=0,
        updated_at_ms=0,
    )


def _texts(seed: int) -> list[dict[str, Any]]:
    dice, text, arrivals = random.Random(seed), LiveText(), []
    cuts = sorted(dice.sample(range(1, len(TEXT)), 5))
    for begin in dice.sample([0, *cuts] * 2, 12):
        piece = TEXT[begin : dice.choice([cut for cut in (*cuts, len(TEXT)) if cut > begin])]
        offset = len(TEXT[:begin].encode("utf-16-le")) // 2
        text.add(offset, piece)
        arrivals.append({"offset": offset, "piece": piece, "text": str(text)})
    return arrivals


if __name__ == "__main__":
    main()
