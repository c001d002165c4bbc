"""An outside pipeline in one file: YOLOX-nano finds animals, persons and vehicles, and calls back.

    pip install requests numpy pillow onnxruntime
    export API_BASE_URL=http://localhost:8000 TRAPLINE_TOKEN=tl_pipeline_...
    export CALLBACK_KEY_ID=tlk_... CALLBACK_KEY_SECRET=...
    python external_pipeline.py IMAGE_ID ...

Without a service key it signs with the secret of each analysis. YOLOX_MODEL says where the model's file is or shall be.
With a RUN_ID of yours, the same run again goes on with the same analyses; without one each run makes new ones.
"""

import hashlib
import hmac
import io
import json
import os
import secrets
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import onnxruntime
import requests
from PIL import Image, ImageOps

BASE = os.environ["API_BASE_URL"] + "/api/v2"
TOKEN = os.environ["TRAPLINE_TOKEN"]
KEY_ID, KEY_SECRET = os.environ.get("CALLBACK_KEY_ID"), os.environ.get("CALLBACK_KEY_SECRET")

RUN_ID = os.environ.get("RUN_ID") or secrets.token_hex(8)

NAME, VERSION = "yolox-nano", "0.1.1"
MODEL = Path(os.environ.get("YOLOX_MODEL", "yolox_nano.onnx"))
SOURCE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx"
SHA256 = "d39bee73564e338080378b0ad567fbb40e818b55bbfaf971de82a0267ed16b8a"
SIDE, STRIDES, FILL = 416, (8, 16, 32), 114
SCORE_FROM, OVERLAP = 0.25, 0.45
# The classes of COCO that a camera trap is asked for, and what people filter by: the rest is left out.
CLASSES = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 4: "airplane", 5: "bus", 6: "train", 7: "truck",
           8: "boat", 14: "bird", 15: "cat", 16: "dog", 17: "horse", 18: "sheep", 19: "cow", 20: "elephant",
           21: "bear", 22: "zebra", 23: "giraffe"}  # fmt: skip

session = requests.Session()


def sign(method, url, body, own_secret):
    """Sign the bytes that are sent, for one attempt: v2 with a service key, else v1 with the analysis's own secret."""
    now = str(int(time.time()))
    if not KEY_ID:
        digest = hmac.new(own_secret.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X-ML-Timestamp": now, "X-ML-Signature": f"sha256={digest}"}
    nonce, target = secrets.token_hex(16), urlsplit(url)
    lines = ["TRAPLINE-HMAC-V2", now, nonce, method, target.path, target.query, hashlib.sha256(body).hexdigest()]
    digest = hmac.new(KEY_SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    return {"X-ML-Key-Id": KEY_ID, "X-ML-Timestamp": now, "X-ML-Nonce": nonce, "X-ML-Signature": f"v2={digest}"}


def send(method, url, make_headers, body=b"", tries=5):
    """Send, and again after passing failures, signed anew each time; everything here may be sent twice."""
    for number in range(tries):
        wait_s = 2**number
        try:
            answer = session.request(method, url, data=body, headers=make_headers(), timeout=60, allow_redirects=False)
            if answer.status_code != 429 and answer.status_code < 500:
                if not answer.ok:
                    raise RuntimeError(f"{method} {urlsplit(url).path}: {answer.status_code} {answer.text}")
                return answer
            problem = RuntimeError(f"{method} {urlsplit(url).path}: {answer.status_code} {answer.text}")
            asked = answer.headers.get("Retry-After", "")
            wait_s = max(wait_s, int(asked) if asked.isdigit() else 0)
        except (requests.ConnectionError, requests.Timeout) as error:
            problem = error
        if number < tries - 1:
            time.sleep(wait_s)
    raise problem


def call(method, path, message=None, own_secret=None, **more):
    """One call of the API: signed where there is a secret, else with the token."""
    body = b"" if message is None else json.dumps(message).encode()

    def make_headers():
        signed = sign(method, BASE + path, body, own_secret) if own_secret else {"Authorization": f"Token {TOKEN}"}
        return {"Content-Type": "application/json", **signed, **more}

    return send(method, BASE + path, make_headers, body).json()


def load():
    """Open the model, fetched first where it is not there; anything but the published file is refused."""
    content = MODEL.read_bytes() if MODEL.exists() else requests.get(SOURCE, timeout=300).content
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{MODEL if MODEL.exists() else SOURCE} is not the published model")
    if not MODEL.exists():
        MODEL.write_bytes(content)
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def detect(model, picture):
    """Find things in an upright RGB picture: boxes (n x 4: x1, y1, x2, y2, in its pixels), classes and scores."""
    scale = min(SIDE / picture.width, SIDE / picture.height)
    small = picture.resize(
        (max(1, int(picture.width * scale)), max(1, int(picture.height * scale))), Image.Resampling.BILINEAR
    )
    square = np.full((SIDE, SIDE, 3), FILL, np.float32)
    square[: small.height, : small.width] = np.asarray(small)[:, :, ::-1]
    (rows,) = model.run(["output"], {"images": square.transpose(2, 0, 1)[np.newaxis]})[0]

    cells, strides = [], []
    for stride in STRIDES:
        down, across = np.mgrid[: SIDE // stride, : SIDE // stride]
        cells.append(np.stack([across.ravel(), down.ravel()], axis=1))
        strides.append(np.full((across.size, 1), stride))
    centre = (rows[:, :2] + np.concatenate(cells)) * np.concatenate(strides)
    half = np.exp(rows[:, 2:4]) * np.concatenate(strides) / 2
    scores = rows[:, 4:5] * rows[:, 5:]
    best, sure = scores.argmax(axis=1), scores.max(axis=1).clip(0, 1)
    kept = (sure >= SCORE_FROM) & np.isin(best, list(CLASSES))
    edge = [picture.width, picture.height] * 2
    boxes = np.clip(np.concatenate([centre - half, centre + half], axis=1)[kept] / scale, 0, edge)
    best, sure = best[kept], sure[kept]

    found, left = [], np.argsort(-sure)
    while left.size:
        first, left = left[0], left[1:]
        if np.all(boxes[first, 2:] - boxes[first, :2] >= 1):
            found.append((boxes[first].tolist(), int(best[first]), float(sure[first])))
        shared = np.prod(
            (np.minimum(boxes[first, 2:], boxes[left, 2:]) - np.maximum(boxes[first, :2], boxes[left, :2])).clip(0),
            axis=1,
        )
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        left = left[shared <= OVERLAP * (areas[first] + areas[left] - shared)]
    return found


def describe(found, picture):
    """The annotations of what was found: a box by its group, and a classification of it by its class."""
    annotations = []
    for number, ((x1, y1, x2, y2), kind, score) in enumerate(found):
        group = "person" if kind == 0 else "vehicle" if kind < 9 else "animal"
        corners = {"x_min": x1, "y_min": y1, "x_max": x2, "y_max": y2}
        frame = {"image_width": picture.width, "image_height": picture.height}
        annotations.append(
            {"annotation_type": "bounding_box", "class_name": group, "confidence": score, "ordering": number,
             "data": {**corners, **frame}}
        )  # fmt: skip
        annotations.append(
            {"annotation_type": "classification", "class_name": CLASSES[kind], "confidence": score, "parent": number,
             "data": {"topk": [{"class": CLASSES[kind], "confidence": score}]}}
        )  # fmt: skip
    return annotations


def analyse(model, image_id):
    """Do all that is to be done about one image."""
    image = call("GET", f"/images/{image_id}")
    new = {"image_id": image_id, "model_name": NAME, "model_version": VERSION, "parameters": {"score_from": SCORE_FROM}}
    key = {"Idempotency-Key": f"{RUN_ID} {NAME} {image_id}"}
    made = call("POST", f"/images/{image_id}/analyses", new, **key)
    path, secret = f"/analyses/{made['id']}", made["callback_secret"]
    now = call("GET", path, own_secret=secret)
    if now["status"] in ("completed", "failed", "canceled"):
        print(now["id"], now["status"], "already")
        return
    call("PATCH", f"{path}/status", {"status": "processing"}, secret)
    try:
        content = send("GET", image["file_url"], dict).content
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        annotations = describe(detect(model, picture), picture)
        if annotations:
            call("POST", f"{path}/annotations:bulk", {"annotations": annotations, "mode": "replace"}, secret)
    except Exception as error:
        call("POST", f"{path}/finalize", {"status": "failed", "error_message": str(error)[:1000]}, secret)
        raise
    done = call("POST", f"{path}/finalize", {"status": "completed"}, secret)
    print(done["id"], done["status"], done["annotation_count"])


def main():
    """Analyse the images that are named."""
    model = load()
    for image_id in sys.argv[1:]:
        analyse(model, image_id)


if __name__ == "__main__":
    main()
