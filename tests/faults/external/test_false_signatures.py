"""A flood of invalid signatures is refused and hardly delays valid ones."""

import json
import time
from collections import Counter
from functools import partial
from itertools import count

import pytest
from tests.faults.conftest import MakeScene
from tests.support.concurrent_callers import Speaker, race
from tests.support.fault_run import Figures, percentile, sized

from trapline.client.signing import sign_v1, sign_v2

pytestmark = pytest.mark.alone

FALSE, GOOD = sized(10_000), sized(1000)
THREADS = 4
P99_S = 1.0
BODY = json.dumps({"annotations": []}).encode()


def test_false_signatures_hold_up_nobody(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(settings={"TRAPLINE_ADDRESS_CALLS_PER_S": "20"}).start(images=1)
    owner = Speaker(scene.ports[0], scene.owner)
    asked = {"image_id": scene.images[0], "model_name": "deer-net", "model_version": "1"}
    made = owner.ask("POST", f"/images/{scene.images[0]}/analyses", asked)
    owner.close()
    analysis, secret = made["id"], made["callback_secret"]
    path = f"/analyses/{analysis}/annotations:bulk"
    told: Counter[int] = Counter()
    took: list[float] = []

    def flood(number: int) -> None:
        speaker = Speaker(scene.ports[0], "")
        for attempt in count():
            if told.total() >= FALSE and len(took) >= GOOD:
                break
            signed = (
                sign_v1(f"not {secret}", BODY)
                if attempt % 2
                else sign_v2(f"tlk_{number}_{attempt}", secret, "POST", f"/api/v2{path}", BODY)
            )
            told[speaker.call("POST", path, BODY, signed)[0]] += 1
        speaker.close()

    def sign_rightly() -> None:
        speaker = Speaker(scene.ports[0], "")
        while told.total() < FALSE or len(took) < GOOD:
            began = time.monotonic()
            status, said = speaker.call("POST", path, BODY, sign_v1(secret, BODY))
            took.append(time.monotonic() - began)
            assert status == 200, said
        speaker.close()

    race([sign_rightly, *[partial(flood, number) for number in range(THREADS)]])
    assert set(told) == {401, 429}
    p99 = percentile(took, 0.99)
    seen = f"{told[401]} and {told[429]}; of {len(took)} good ones p99 {p99 * 1000:.0f} ms"
    figures.add("rates", f"{FALSE} false signatures, refused and not heard", f"p99 {P99_S} s", seen)
    assert p99 < P99_S
