"""The number of images that one inference of a detector has."""

from trapline.worker.devices import CPU

MOST_AT_A_TIME = 64


def get_images_per_inference(device: str) -> int:
    """Return the largest number of images of one inference on a device.

    On a processor, a batch of 8 takes about a third more processor time than its images one by one
    (26 to 36 % with YOLOX-nano, 37 % with CenterNet), because the layers of several images do not
    fit into its cache.
    """
    return 1 if device == CPU else MOST_AT_A_TIME
