"""Labels of models that do not name an animal: unknown objects and things."""

NOT_KNOWN = frozenset(
    {"unknown", "unsure", "unidentified", "unidentifiable", "other", "no cv result", "problem"}
)
# Classes of COCO (80 everyday objects) that are not animals. Detectors trained on COCO report them
# in images of nature.
THINGS = frozenset(
    {
        "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "backpack",
        "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball",
        "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket",
        "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
        "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair",
        "couch", "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "remote",
        "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
        "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush", "airplane",
    }
)  # fmt: skip
