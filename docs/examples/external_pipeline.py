"""An external pipeline in one file: YOLOX-nano detects animals, persons and vehicles.

    pip install requests numpy pillow onnxruntime
    export API_BASE_URL=http://localhost:8000 TRAPLINE_TOKEN=tl_pipeline_...
    export CALLBACK_KEY_ID=tlk_... CALLBACK_KEY_SECRET=...
    python external_pipeline.py IMAGE_ID ...

Without a service key, requests are signed with the secret of each analysis. YOLOX_MODEL is the path
of the model file, which is downloaded if it does not exist. With the same RUN_ID, a repeated run
continues with the same analyses; without it, each run creates new ones.
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
# The classes of COCO that are relevant for camera traps; all others are left out.
CLASSES = {
    0: "person",
    1: "bicycle",
    2: "car",
    3: "motorcycle",
    4: "airplane",
    5: "bus",
    6: "train",
    7: "truck",
    8: "boat",
    14: "bird",
    15: "cat",
    16: "dog",
    17: "horse",
    18: "sheep",
    19: "cow",
    20: "elephant",
    21: "bear",
    22: "zebra",
    23: "giraffe",
}

session = requests.Session()


def sign(method, url, body, secret):
    """Sign the request body for one attempt.

    Use v2 if there is a service key, otherwise v1 with the secret of the analysis.
    """
    now = str(int(time.time()))
    if not KEY_ID:
        digest = hmac.new(secret.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X-ML-Timestamp": now, "X-ML-Signature": f"sha256={digest}"}
    nonce, target = secrets.token_hex(16), urlsplit(url)
    lines = [
        "TRAPLINE-HMAC-V2",
        now,
        nonce,
        method,
        target.path,
        target.query,
        hashlib.sha256(body).hexdigest(),
    ]
    digest = hmac.new(KEY_SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    return {
        "X-ML-Key-Id": KEY_ID,
        "X-ML-Timestamp": now,
        "X-ML-Nonce": nonce,
        "X-ML-Signature": f"v2={digest}",
    }


def build_error(method, url, response):
    """Build the exception for a refused request."""
    path = urlsplit(url).path
    return RuntimeError(f"{method} {path}: {response.status_code} {response.text}")


def send(method, url, make_headers, body=b"", tries=5):
    """Send a request and retry temporary failures, signed again each time.

    All requests of this program are safe to repeat.
    """
    for number in range(tries):
        wait_s = 2**number
        try:
            response = session.request(
                method, url, data=body, headers=make_headers(), timeout=60, allow_redirects=False
            )
            if response.status_code != 429 and response.status_code < 500:
                if not response.ok:
                    raise build_error(method, url, response)
                return response
            problem = build_error(method, url, response)
            requested = response.headers.get("Retry-After", "")
            wait_s = max(wait_s, int(requested) if requested.isdigit() else 0)
        except (requests.ConnectionError, requests.Timeout) as error:
            problem = error
        if number < tries - 1:
            time.sleep(wait_s)
    raise problem


def call(method, path, message=None, secret=None, **more):
    """Send one API request: signed if a secret is given, otherwise with the token."""
    body = b"" if message is None else json.dumps(message).encode()

    def make_headers():
        headers = {"Content-Type": "application/json", **more}
        if secret:
            return {**headers, **sign(method, BASE + path, body, secret)}
        return {**headers, "Authorization": f"Token {TOKEN}"}

    return send(method, BASE + path, make_headers, body).json()


def load_model():
    """Open the model. Download it if necessary; refuse any file but the published one."""
    content = MODEL.read_bytes() if MODEL.exists() else requests.get(SOURCE, timeout=300).content
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{MODEL if MODEL.exists() else SOURCE} is not the published model")
    if not MODEL.exists():
        MODEL.write_bytes(content)
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def detect(model, image):
    """Detect objects in an upright RGB image.

    Return a list of (box, class index, score); a box is x1, y1, x2, y2 in pixels of the image.
    """
    scale = min(SIDE / image.width, SIDE / image.height)
    small = image.resize(
        (max(1, int(image.width * scale)), max(1, int(image.height * scale))),
        Image.Resampling.BILINEAR,
    )
    square = np.full((SIDE, SIDE, 3), FILL, np.float32)
    square[: small.height, : small.width] = np.asarray(small)[:, :, ::-1]
    (rows,) = model.run(["output"], {"images": square.transpose(2, 0, 1)[np.newaxis]})[0]

    cells, strides = [], []
    for stride in STRIDES:
        rows_y, columns_x = np.mgrid[: SIDE // stride, : SIDE // stride]
        cells.append(np.stack([columns_x.ravel(), rows_y.ravel()], axis=1))
        strides.append(np.full((columns_x.size, 1), stride))
    centre = (rows[:, :2] + np.concatenate(cells)) * np.concatenate(strides)
    half = np.exp(rows[:, 2:4]) * np.concatenate(strides) / 2
    scores = rows[:, 4:5] * rows[:, 5:]
    best, confidence = scores.argmax(axis=1), scores.max(axis=1).clip(0, 1)
    kept = (confidence >= SCORE_FROM) & np.isin(best, list(CLASSES))
    edge = [image.width, image.height] * 2
    boxes = np.clip(np.concatenate([centre - half, centre + half], axis=1)[kept] / scale, 0, edge)
    best, confidence = best[kept], confidence[kept]

    detections, left = [], np.argsort(-confidence)
    while left.size:
        first, left = left[0], left[1:]
        if np.all(boxes[first, 2:] - boxes[first, :2] >= 1):
            detections.append((boxes[first].tolist(), int(best[first]), float(confidence[first])))
        lower = np.maximum(boxes[first, :2], boxes[left, :2])
        upper = np.minimum(boxes[first, 2:], boxes[left, 2:])
        shared = np.prod((upper - lower).clip(0), axis=1)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        left = left[shared <= OVERLAP * (areas[first] + areas[left] - shared)]
    return detections


def build_annotations(detections, image):
    """Build the annotations of the detections: a box with its group, and its classification."""
    annotations = []
    for number, ((x1, y1, x2, y2), kind, score) in enumerate(detections):
        group = "person" if kind == 0 else "vehicle" if kind < 9 else "animal"
        corners = {"x_min": x1, "y_min": y1, "x_max": x2, "y_max": y2}
        frame = {"image_width": image.width, "image_height": image.height}
        annotations.append(
            {
                "annotation_type": "bounding_box",
                "class_name": group,
                "confidence": score,
                "ordering": number,
                "data": {**corners, **frame},
            }
        )
        annotations.append(
            {
                "annotation_type": "classification",
                "class_name": CLASSES[kind],
                "confidence": score,
                "parent": number,
                "data": {"topk": [{"class": CLASSES[kind], "confidence": score}]},
            }
        )
    return annotations


def analyse(model, image_id):
    """Run the model on one image and post the results."""
    record = call("GET", f"/images/{image_id}")
    new = {
        "image_id": image_id,
        "model_name": NAME,
        "model_version": VERSION,
        "parameters": {"score_from": SCORE_FROM},
        "looks_for": ["animal", "human", "vehicle"],
    }
    key = {"Idempotency-Key": f"{RUN_ID} {NAME} {image_id}"}
    created = call("POST", f"/images/{image_id}/analyses", new, **key)
    path, secret = f"/analyses/{created['id']}", created["callback_secret"]
    now = call("GET", path, secret=secret)
    if now["status"] in ("completed", "failed", "canceled"):
        print(now["id"], now["status"], "already")
        return
    call("PATCH", f"{path}/status", {"status": "processing"}, secret)
    try:
        content = send("GET", record["file_url"], dict).content
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        annotations = build_annotations(detect(model, image), image)
        if annotations:
            call(
                "POST",
                f"{path}/annotations:bulk",
                {"annotations": annotations, "mode": "replace"},
                secret,
            )
    except Exception as error:
        call(
            "POST",
            f"{path}/finalize",
            {"status": "failed", "error_message": str(error)[:1000]},
            secret,
        )
        raise
    done = call("POST", f"{path}/finalize", {"status": "completed"}, secret)
    print(done["id"], done["status"], done["annotation_count"])


def main():
    """Analyse the images given as arguments."""
    model = load_model()
    for image_id in sys.argv[1:]:
        analyse(model, image_id)


if __name__ == "__main__":
    main()
